"""What is compared: sides made of runs, whoever measured them, each with its targets, their facts and their chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.question import Question
from bench.summary.sample import Sample
from config.bench_slos import ChatSlo


@dataclass(frozen=True, slots=True)
class Definition:
    """How a tool defines a measure. Two tools' values compare only where `quantity` is the same."""

    quantity: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """What one run took of one target at one level of load.

    `load` says for people what the load was. `sample` has its chats, round by round; None where the file has none.
    `timed` says that the sample's blocks have the time in which they were measured, so that throughput follows from its
    chats. `told` are values that the file itself states of the run as a whole, and `attempts` is how many requests these
    are of. `burst` says that all requests were sent at once.
    """

    load: str
    sample: Sample | None = None
    timed: bool = False
    told: Mapping[Question, float] = field(default_factory=dict)
    attempts: int = 0
    burst: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """One engine in one run. `facts` are by their names in `facts.FACTS`; what is not known is not in it."""

    name: str
    levels: Mapping[str, Taken]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedRun:
    """One run of a tool. `source` says where it was read. `facts` are those that hold for all of its targets.

    `definitions` are by measure; a measure without one was not read. `distrust` are the grounds for no verdict at all,
    `notes` what else must be said with its numbers. `slos` are those of its goodput: thresholds in seconds by measure,
    by their names. `paired` says that its targets were measured at the same time, round by round.
    """

    name: str
    source: str
    tool: str
    targets: Mapping[str, Target]
    definitions: Mapping[str, Definition]
    facts: Mapping[str, str] = field(default_factory=dict)
    slos: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    distrust: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    paired: bool = False

    def paired_with(self, other: ComparedRun) -> bool:
        """Whether both are the same run, whose targets were measured in the same rounds at the same time."""
        return self.paired and other.paired and self.source == other.source


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a comparison: one run, or several of the same. `name` is `baseline` or `candidate`."""

    name: str
    runs: tuple[ComparedRun, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("a side needs a run")


def shared_slo(runs: Sequence[ComparedRun]) -> ChatSlo | None:
    """The one SLO that all these runs had; None where they had none, several or unlike ones."""
    found = {(name, tuple(sorted(thresholds.items()))) for run in runs for name, thresholds in run.slos.items()}
    if len(found) != 1 or not all(run.slos for run in runs):
        return None
    ((name, thresholds),) = found
    return ChatSlo.of(name, dict(thresholds), source="the runs")


def slos_of(runs: Sequence[ComparedRun]) -> dict[str, tuple[ChatSlo, ...]]:
    """The SLOs that any of these runs had, by name: several where runs mean unlike thresholds by one name."""
    found: dict[str, dict[ChatSlo, None]] = {}
    for run in runs:
        for name, thresholds in run.slos.items():
            found.setdefault(name, {})[ChatSlo.of(name, thresholds, source=f"the run {run.name}")] = None
    by_name = {name: {slo.words: slo for slo in slos} for name, slos in found.items()}
    return {name: tuple(slos.values()) for name, slos in by_name.items()}
