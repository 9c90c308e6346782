"""The load of a scenario, as an operator writes it: users and their think time, stages, and which keys go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, Strict, model_validator

from config.base import Section
from config.durations import read_duration, write_duration
from config.load import Between, Exponential, Fixed, RateStage, ThinkTime, UserStage
from config.quantities import Rate, Seconds
from config.rules import Finding, as_error, meant, refuse

MOST_USERS = 10_000
SHAPES = ("every", "rate", "users", "stages")
"""The keys of which a scenario has exactly one."""


class BetweenTimes(Section):
    """`{between: [SHORTEST, LONGEST]}` as it is written."""

    between: Annotated[tuple[Seconds, ...], Strict(False)]

    @model_validator(mode="after")
    def _shortest_and_longest(self) -> Self:
        if len(self.between) != 2:
            raise as_error([(("between",), "is no pair of durations; write the shortest and the longest, like [1s, 5s]")])
        if self.between[0] >= self.between[1]:
            raise as_error([(("between",), "does not begin with the shorter one; write the shortest and the longest, like [1s, 5s]")])
        return self


class ExponentialTimes(Section):
    """`{exponential: MEAN}` as it is written."""

    exponential: Seconds


def _read_think_time(written: object) -> object:
    match written:
        case Fixed() | Between() | Exponential():
            return written
        case str():
            return Fixed(read_duration(written))
        case {"between": _, **others} if not others:
            return Between(*BetweenTimes.model_validate(written).between)
        case {"exponential": _, **others} if not others:
            return Exponential(ExponentialTimes.model_validate(written).exponential)
    raise ValueError("is no think time; write a duration like 2s, or {between: [1s, 5s]}, or {exponential: 2s}, or leave it out")


def _write_think_time(time: ThinkTime) -> object:
    match time:
        case Fixed():
            return write_duration(time.seconds)
        case Between():
            return {"between": [write_duration(time.shortest_seconds), write_duration(time.longest_seconds)]}
        case Exponential():
            return {"exponential": write_duration(time.mean_seconds)}


Think = Annotated[ThinkTime, BeforeValidator(_read_think_time), PlainSerializer(_write_think_time)]


class Stage(Section):
    """A part of a load that changes: so many users, or such a rate, for so long."""

    users: Annotated[int, Field(ge=0, le=MOST_USERS)] | None = Field(default=None, description="so many users at once; 0 is a pause")
    rate: Rate | None = Field(default=None, description="chats that begin at this rate; `0/s` is a pause")
    for_seconds: Seconds | None = Field(default=None, alias="for", description="how long it lasts; only the last one may be without an end")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.users is None) == (self.rate is None):
            raise ValueError("does not have one load; write users: 10, or rate: 5/s")
        return self

    @property
    def load(self) -> UserStage | RateStage:
        if self.users is not None:
            return UserStage(self.users, self.for_seconds)
        assert self.rate is not None
        return RateStage(self.rate, self.for_seconds)


def _fit_together(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if not stages:
        raise ValueError("is empty; add at least one stage")
    findings: list[Finding] = []
    for index, stage in enumerate(stages):
        if (stage.users is None) != (stages[0].users is None):
            findings.append(((index,), "is of another kind than the first; write users in all stages, or rate in all"))
        if stage.for_seconds is None and index < len(stages) - 1:
            findings.append(((index,), "never ends, and stages follow it; write for: 1m, or make it the last"))
    if not any(stage.users or stage.rate for stage in stages):
        findings.append(((), "never has any load; write at least one stage above 0"))
    refuse(findings)
    return stages


Stages = Annotated[tuple[Stage, ...], Strict(False), AfterValidator(_fit_together)]


def misfits(scenario: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Finding]:
    """Which of the keys that were written do not go together, whatever their values; `keys` are those that a scenario has."""
    written = [key for key, value in scenario.items() if value is not None]
    given = [key for key in SHAPES if key in written]
    if not given and not any(meant(key, keys) in SHAPES for key in written if key not in keys):
        yield (), "does not say how often to chat; write every: 15s, or rate: 2/s, or users: 5, or stages: [{users: 5, for: 1m}, {users: 10}]"
    for key in given[1:]:
        yield (key,), f"is a second load beside {given[0]}; leave out one of the two"
    if len(given) == 1:
        kind = _kind(scenario, given[0])
        for key, needed in (("arrivals", "rate"), ("think_time", "users"), ("ramp_up", "users")):
            if key in written and kind is not None and kind != needed:
                yield (key,), f"goes with {needed} only; leave it out, or write {needed} in place of {kind}"
    if "conversation" in written and "prompt" in written:
        yield ("prompt",), "is never said where there is a conversation; leave out one of the two"


def _kind(scenario: Mapping[str, Any], given: str) -> str | None:
    """Which kind of load it is; None for stages of which that cannot be told."""
    if given != "stages":
        return given
    stages = scenario["stages"] if isinstance(scenario["stages"], list | tuple) else ()
    kinds = {key for stage in stages if isinstance(stage, Mapping) for key in ("users", "rate") if stage.get(key) is not None}
    return kinds.pop() if len(kinds) == 1 else None
