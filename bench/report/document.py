"""The report of a run, as values: everything that its page says, in the order in which it is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bench.report.advice import Advice, advice
from bench.report.board import Board, board
from bench.report.cost import Costs, Price, costs, gpus_seen
from bench.report.failures import Failures, failures
from bench.report.finding import finding
from bench.report.method import Method, engine_title, method
from bench.report.people import FeltAtLevel, felt
from bench.report.pictures import Picture, pictures
from bench.report.plain import told_levels
from bench.report.seen import Seen
from bench.report.tables import LevelTables, Table, comparisons, level_tables, overview
from bench.summary.shape import Summary
from catalogue.look import Shape, shape_of
from probes.wording import counted, listed


@dataclass(frozen=True, slots=True)
class Engine:
    """How one target is shown. `number` tells those of one backend apart, from 0 on: they share its colour and shape."""

    target: str
    backend: str
    title: str
    shape: Shape
    number: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that an engine's own metrics say: of the kind `cause`, `caveat` or `unknown`."""

    kind: str
    target: str
    words: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the numbers can be trusted, in a sentence, and why not."""

    trusted: bool
    words: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One report. `chats` are those that count: neither those of warm-up nor those that were cut off."""

    title: str
    run_name: str
    begun_at: datetime
    chats: int
    models: tuple[str, ...]
    engines: Mapping[str, Engine]
    finding: str
    statement: str
    trust: Trust
    pictures: tuple[Picture, ...]
    board: Board
    whole_board: Board
    felt: tuple[FeltAtLevel, ...]
    costs: Costs
    overview: Table
    levels: tuple[LevelTables, ...]
    comparisons: Table
    outcomes: tuple[tuple[str, str], ...]
    causes: tuple[Cause, ...]
    advice: tuple[Advice, ...]
    method: Method
    caveats: tuple[tuple[str, tuple[str, ...]], ...]
    failures: Failures


def document(seen: Seen, prices: Sequence[Price] = ()) -> Document:
    """The report of a run. Raises `ResultsError` where the run cannot be read."""
    run = seen.run
    # From the lightest level to the heaviest, in whatever order they were measured.
    summary = replace(seen.summary, levels=tuple(seen.levels.values()))
    return Document(
        title=f"{listed(list(summary.targets))} {'compared' if len(summary.targets) > 1 else 'measured'}",
        run_name=run.name,
        begun_at=run.manifest.begun_at,
        chats=sum(target.counts.attempts for level in summary.levels for target in level.targets),
        models=tuple(dict.fromkeys(run.manifest.about.models.values())),
        engines=_engines(seen),
        finding=finding(summary),
        statement=summary.statement,
        trust=_trust(summary),
        pictures=pictures(summary),
        board=board(summary, told_levels(summary)),
        whole_board=board(summary, summary.levels),
        felt=felt(summary),
        costs=costs(summary, gpus_seen(run), prices),
        overview=overview(summary),
        levels=level_tables(summary),
        comparisons=comparisons(summary),
        outcomes=tuple((str(outcome["target"]), str(outcome["words"])) for outcome in summary.outcomes),
        causes=tuple(Cause(str(found["kind"]), str(found["target"]), str(found["words"])) for found in summary.findings),
        advice=advice(summary),
        method=method(run, summary),
        caveats=tuple((caveat.words, caveat.targets) for caveat in summary.caveats),
        failures=failures(run, summary),
    )


def _engines(seen: Seen) -> Mapping[str, Engine]:
    found: dict[str, Engine] = {}
    for target, backend in seen.backends.items():
        number = sum(engine.backend == backend for engine in found.values())
        found[target] = Engine(target, backend, engine_title(backend), shape_of(backend), number)
    return found


def _trust(summary: Summary) -> Trust:
    checks = counted(len(summary.verdict.checks), "check")
    if not summary.verdict.trusted:
        follows = "no winner is named" if len(summary.targets) > 1 else "none of them is for sure"
        return Trust(False, f"The numbers stand, and {follows}: chatprobe itself was not well while it measured.", summary.verdict.why)
    unfair = len(summary.caveats)
    if unfair:
        sentence = (
            f"chatprobe itself was well: {checks} of its own health passed. {'One thing makes' if unfair == 1 else f'{unfair} things make'} the "
        )
        return Trust(True, f"{sentence}comparison unfair.", tuple(caveat.words for caveat in summary.caveats))
    return Trust(True, f"chatprobe itself was well: {checks} of its own health passed.", ())
