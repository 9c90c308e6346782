"""A benchmark run, as an operator writes it: which load, for how long, in how many rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from config.base import Section
from config.bench_courses import BenchReplay, BenchSearch, BenchSweep
from config.bench_slos import PRESETS, ChatSlo, SloOfChats
from config.load import ArrivalKind, ClosedLoop, Load, OpenLoop, RateStage, UserStage
from config.quantities import NamePattern, Rate, Seconds, Share
from config.rules import Finding, check_page_url, refuse
from config.scenario import Scenario, above_zero
from config.shapes import MOST_USERS, Stages
from config.targets import NonEmpty
from probes.hiding import may_be_secret
from probes.wording import listed, shortened

LONGEST_FACT = 200
"""Characters. A fact is compared as a whole, and longer ones are cut."""
Hardware = Literal["seen", "own", "shared"]
"""`seen`: targets share it where two of their URLs have one host."""


class BenchLevel(Section):
    """One load, at which all targets are measured."""

    users: Annotated[int, Field(ge=1, le=MOST_USERS)] | None = Field(default=None, description="so many users with each target")
    rate: Annotated[Rate, AfterValidator(above_zero)] | None = Field(
        default=None, description="chats with each target begin at this rate, whatever became of those before them"
    )
    stages: Stages | None = Field(default=None, description="users, or rates, that change within each block; they begin anew with it")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(load is not None for load in (self.users, self.rate, self.stages)) != 1:
            raise ValueError("does not have one load; write users: 10, or rate: 5/s, or stages: [{users: 5, for: 30s}, {users: 10}]")
        return self

    def load(self, scenario: Scenario, arrivals: ArrivalKind) -> Load:
        """The load as a value. Users think, and join, as those of the scenario do, if it has any."""
        if self.rate is not None:
            return OpenLoop((RateStage(self.rate),), arrivals)
        stages = [stage.load for stage in self.stages or ()] if self.users is None else [UserStage(self.users)]
        rates = tuple(stage for stage in stages if isinstance(stage, RateStage))
        if rates:
            return OpenLoop(rates, arrivals)
        users = tuple(stage for stage in stages if isinstance(stage, UserStage))
        like = scenario.load
        return ClosedLoop(users, like.think_time, like.ramp_up_seconds) if isinstance(like, ClosedLoop) else ClosedLoop(users)


class BenchGpus(Section):
    """GPUs of engines, as an exporter of NVIDIA's DCGM tells of them."""

    url: Annotated[str, AfterValidator(check_page_url)] = Field(description="page of the exporter, like `http://127.0.0.1:9400/metrics`")
    targets: Annotated[tuple[NamePattern, ...], Strict(False)] | None = Field(
        default=None, description="names of the targets whose engines run there, or patterns like `team-*`; left out: all"
    )
    gpus: Annotated[tuple[Annotated[int, Field(ge=0, le=10_000)], ...], Strict(False)] = Field(
        default=(), description="indices of their GPUs; left out: all of the page"
    )


def _plain_fact(value: str) -> str:
    if may_be_secret("", value):
        raise ValueError("looks like a secret, and stands in results, which others may see; leave it out")
    return shortened(value, LONGEST_FACT)


Fact = Annotated[str, Field(min_length=1), AfterValidator(_plain_fact)]


class BenchFacts(Section):
    """What a target's engine does not tell of itself, and what a comparison of two runs needs to know."""

    version: Fact | None = Field(default=None, alias="engine.version", description="which version the engine is")
    flags: Fact | None = Field(default=None, alias="engine.flags", description="how it was started, beside what it tells itself")
    hardware: Fact | None = Field(default=None, description="what it runs on, like `8 × H100`")


class Bench(Section):
    """What `chatprobe bench` does. `serve` takes no notice of it."""

    scenario: NonEmpty | None = Field(default=None, description="name of the scenario whose chats are held; left out: the first")
    levels: Annotated[tuple[BenchLevel, ...], Strict(False)] = Field(
        default=(), description="loads, measured one after another, like `[{users: 1}, {users: 10}]`; left out: the scenario's own"
    )
    sweep: BenchSweep | None = Field(default=None, description="in place of `levels`: loads from low to high, which show where an engine's limit is")
    search: BenchSearch | None = Field(
        default=None, description="in place of `levels`: the search for the highest rate, or number of users, that meets an SLO"
    )
    replay: BenchReplay | None = Field(default=None, description="in place of `levels`: a recorded load that is held again")
    arrivals: ArrivalKind = Field(default="poisson", description="how chats at a rate come: by chance, as from many people, or in `constant` gaps")
    rounds: Annotated[int, Field(ge=1, le=1000)] = Field(default=5, description="how often each level is measured; each round has all targets")
    duration_seconds: Seconds | None = Field(
        default=None, alias="duration", description="how long the run takes, all levels and rounds together; left out: `5m`, unless `block` is given"
    )
    block_seconds: Seconds | None = Field(
        default=None, alias="block", description="how long chats begin in one block, in place of what `duration` leaves for it"
    )
    warm_up_seconds: Seconds | None = Field(
        default=None,
        alias="warm_up",
        description="chats that begin so early in a block count for nothing; left out: 15 % of the block, but `2s` at least and `30s` at most",
    )
    grace_seconds: Seconds = Field(default=30.0, alias="grace", description="how long chats may take to end after their block; then they are cut off")
    pause_seconds: Seconds = Field(default=1.0, alias="pause", description="between two blocks, so that none is held up by what was left of another")
    hardware: Hardware = Field(
        default="seen", description="`own`: all targets are chatted with at the same instants; `shared`: one after another; `seen`: by their hosts"
    )
    gpus: Annotated[tuple[BenchGpus, ...], Strict(False)] = Field(default=(), description="where the GPUs of the engines are watched, if anywhere")
    facts: Mapping[NamePattern, BenchFacts] = Field(
        default={}, description="what engines do not tell of themselves, by target, or by a pattern like `team-*`"
    )
    slo: SloOfChats | None = Field(
        default=None, description=f"what a good chat keeps to: {listed([f'`{name}`' for name in PRESETS], 'or')}, or `{{ttft: 500ms, tpot: 50ms}}`"
    )
    objective: Share | None = Field(
        default=None,
        description="with `slo`: share of good chats, with each target at each load, below which the run fails; of a sweep, what capacity is told "
        "for",
    )

    @property
    def kept_to(self) -> ChatSlo | None:
        """What a good chat of the run keeps to: a search has its own SLO."""
        return self.slo if self.search is None else self.search.slo

    def facts_of(self, target: str) -> dict[str, str]:
        """What is said of a target: later patterns hold over earlier ones."""
        said = [facts.model_dump(by_alias=True, exclude_none=True) for pattern, facts in self.facts.items() if fnmatchcase(target, pattern)]
        return {name: str(value) for facts in said for name, value in facts.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Finding]:
        if self.search is not None:
            for key in [key for key in ("slo", "objective") if getattr(self, key) is not None]:
                yield (key,), f"is not asked of a search, which has its own; write it as search.{key}"
        elif self.objective is not None and self.slo is None:
            yield ("objective",), "has no SLO to ask for; write slo: interactive, or leave it out"
        if self.search is not None and "rounds" in self.model_fields_set:
            yield ("rounds",), "is not for a search, whose loads get rounds until one is decided; write it as search.rounds"
        if self.replay is not None:
            for key in [key for key in ("duration", "block") if getattr(self, f"{key}_seconds") is not None]:
                yield (key,), "is not for a replay, which lasts as long as its trace; write replay.for for a part of it"
        elif self.duration_seconds is not None and self.block_seconds is not None:
            yield ("block",), "is a second length beside duration, from which that of the blocks follows; leave out one of the two"
        if self.block_seconds is not None and self.warm_up_seconds is not None and self.warm_up_seconds >= self.block_seconds:
            yield ("warm_up",), "is as long as the block, so that no chat would count; write a shorter one, or a longer block"
        courses = {"levels": self.levels or None, "sweep": self.sweep, "search": self.search, "replay": self.replay}
        given = [key for key, course in courses.items() if course is not None]
        for key in given[1:]:
            yield (key,), f"says otherwise than {given[0]} which loads are measured; leave out one of the two"
        written = [(level.users, level.rate, level.stages) for level in self.levels]
        for index, level in enumerate(written):
            if level in written[:index]:
                yield ("levels", index), "is the same load as one before it; leave it out, and write more rounds to measure it more often"
