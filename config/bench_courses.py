"""Which loads a benchmark run measures, where that is no list: a sweep, a search, a trace. As an operator writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from config.base import Section
from config.bench_slos import PRESETS, SloOfChats
from config.quantities import Rate, Resolution, Seconds, Share, read_rate, write_rate
from config.rules import Finding, as_error, refuse
from config.scenario import above_zero
from config.shapes import MOST_USERS
from probes.wording import listed

MOST_LEVELS = 100
TraceFormat = Literal["mooncake", "azure", "records"]


ARate = Annotated[Rate, AfterValidator(above_zero)]
Users = Annotated[int, Field(ge=1, le=MOST_USERS)]
Steps = Annotated[int, Field(ge=2, le=MOST_LEVELS)]


class RateSteps(Section):
    """`{from: 1/s, to: 32/s, steps: 8}` as it is written."""

    lowest: ARate = Field(alias="from", description="the lowest rate")
    highest: ARate = Field(alias="to", description="the highest rate")
    steps: Steps = Field(default=8, description="how many, each the same factor above the one before it")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _must_rise(Fraction(self.lowest), Fraction(self.highest))
        return self


class UserSteps(Section):
    """`{from: 1, to: 64, steps: 7}` as it is written."""

    lowest: Users = Field(alias="from", description="the fewest users")
    highest: Users = Field(alias="to", description="the most users")
    steps: Steps = Field(default=8, description="how many, each the same factor above the one before it")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _must_rise(Fraction(self.lowest), Fraction(self.highest))
        return self


def _must_rise(lowest: Fraction, highest: Fraction) -> None:
    if lowest >= highest:
        raise as_error([(("to",), "is not above from; write the lowest and the highest amount")])


def _read_rates(written: object) -> object:
    match written:
        case RateSteps():
            return written
        case Mapping():
            return RateSteps.model_validate(written)
        case list() | tuple():
            return _listed(written, lambda each: above_zero(read_rate(each)))
    raise ValueError("is no sweep of rates; write {from: 1/s, to: 32/s, steps: 8}, or a list like [1/s, 2/s, 4/s]")


def _read_users(written: object) -> object:
    match written:
        case UserSteps():
            return written
        case Mapping():
            return UserSteps.model_validate(written)
        case list() | tuple():
            return _listed(written, _a_number_of_users)
    raise ValueError("is no sweep of users; write {from: 1, to: 64, steps: 7}, or a list like [1, 2, 4]")


def _a_number_of_users(written: object) -> Fraction:
    if type(written) is Fraction:
        return written
    if type(written) is not int or not 1 <= written <= MOST_USERS:
        raise ValueError(f"is no number of users; write a whole one from 1 to {MOST_USERS}")
    return Fraction(written)


def _listed(written: list[object] | tuple[object, ...], read: Callable[[object], Fraction]) -> tuple[Fraction, ...]:
    findings: list[Finding] = []
    amounts: list[Fraction] = []
    for index, each in enumerate(written):
        try:
            amounts.append(read(each))
        except ValueError as error:
            findings.append(((index,), str(error)))
    if not findings and not 2 <= len(amounts) <= MOST_LEVELS:
        findings.append(((), f"has {len(amounts)} amounts; write 2 to {MOST_LEVELS}"))
    if not findings and any(low >= high for low, high in pairwise(amounts)):
        findings.append(((), "does not rise from each amount to the next; write the lowest first, and each once"))
    refuse(findings)
    return tuple(amounts)


def _write_rates(steps: RateSteps | tuple[Fraction, ...]) -> object:
    return steps.model_dump(by_alias=True) if isinstance(steps, RateSteps) else [write_rate(rate) for rate in steps]


def _write_users(steps: UserSteps | tuple[Fraction, ...]) -> object:
    return steps.model_dump(by_alias=True) if isinstance(steps, UserSteps) else [int(users) for users in steps]


class BenchSweep(Section):
    """The same load at amounts from low to high, one level each."""

    rate: Annotated[RateSteps | tuple[Fraction, ...], BeforeValidator(_read_rates), PlainSerializer(_write_rates)] | None = Field(
        default=None, description="rates of an open loop: `{from: 1/s, to: 32/s, steps: 8}`, or a list like `[1/s, 2/s, 4/s]`"
    )
    users: Annotated[UserSteps | tuple[Fraction, ...], BeforeValidator(_read_users), PlainSerializer(_write_users)] | None = Field(
        default=None, description="numbers of users: `{from: 1, to: 64, steps: 7}`, or a list like `[1, 2, 4]`"
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.rate is None) == (self.users is None):
            raise ValueError("does not sweep one thing; write rate: {from: 1/s, to: 32/s, steps: 8}, or users: [1, 2, 4, 8]")
        return self


def _read_amount(written: object) -> object:
    return written if type(written) is int else above_zero(read_rate(written))


def _write_amount(amount: int | Fraction) -> object:
    return amount if isinstance(amount, int) else write_rate(amount)


Amount = Annotated[int | Fraction, BeforeValidator(_read_amount), PlainSerializer(_write_amount)]
"""Users, a whole number; or a rate, a fraction."""


class BenchSearch(Section):
    """The search for the highest rate, or number of users, that meets an SLO."""

    slo: SloOfChats = Field(
        description=f"what a good chat keeps to: {listed([f'`{name}`' for name in PRESETS], 'or')}, or `{{ttft: 500ms, tpot: 50ms}}`"
    )
    of: Literal["users", "rate"] = Field(default="users", description="what is looked for: `users`, or a `rate` of an open loop")
    objective: Share = Field(default=Decimal("0.95"), description="share of chats that must be good")
    lowest: Amount | None = Field(default=None, alias="from", description="where it begins; left out: `1` user, or `1/s`")
    highest: Amount = Field(alias="most", description="the most that is tried, like `200` users or `50/s`")
    resolution: Resolution = Field(default=Decimal("0.05"), description="how closely it is found, as a share of it; users to one at best")
    probes: Annotated[int, Field(ge=2, le=MOST_LEVELS)] = Field(default=20, description="levels that one target has at most")
    rounds: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="rounds that one amount gets at most, until it is sure whether it passes"
    )

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest amount."""
        return Fraction(1 if self.lowest is None else self.lowest), Fraction(self.highest)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Finding]:
        for key, amount in (("from", self.lowest), ("most", self.highest)):
            if amount is not None and isinstance(amount, int) != (self.of == "users"):
                yield (key,), f"is no amount of {self.of}; write {'a whole number, like 200' if self.of == 'users' else 'a rate, like 50/s'}"
            elif isinstance(amount, int) and not 1 <= amount <= MOST_USERS:
                yield (key,), f"is out of range; write 1 to {MOST_USERS} users"
        if self.bounds[0] >= self.bounds[1]:
            yield ("most",), "is not above from; write the most that is to be tried"


class BenchReplay(Section):
    """A recorded load that is held again."""

    file: Annotated[str, Field(min_length=1)] = Field(description="path of the trace; one that ends in `.gz` is unpacked")
    format: TraceFormat | None = Field(
        default=None, description="`mooncake`, `azure`, or chatprobe's own `records`; left out: found out by the first line"
    )
    speed: Annotated[float, Field(ge=0.01, le=100)] = Field(default=1.0, description="2 has its chats come twice as fast")
    from_seconds: Seconds | None = Field(
        default=None, alias="from", description="how far into the trace the part begins; left out: at its first chat"
    )
    for_seconds: Seconds | None = Field(default=None, alias="for", description="how long a part of it is held, in its own time; left out: to its end")
    chats: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(default=None, description="so many chats of it at most")
    longest_tokens: Annotated[int, Field(ge=2, le=10_000_000)] | None = Field(
        default=None, alias="longest", description="chats with more tokens in prompt and answer together are left out, and counted"
    )
    target: str | None = Field(default=None, description="of `records` with several targets: the one whose chats are held again")
