"""How much is asked of an engine, and when: the load shapes, as values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

ArrivalKind = Literal["constant", "poisson"]


@dataclass(frozen=True, slots=True)
class Every:
    """A chat each so many seconds: a heartbeat."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RateStage:
    """So many chats a second begin, for so long; `seconds` None: for good."""

    per_second: Fraction
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Chats begin at a rate, whatever became of those before them. Where every stage has an end, the first follows the last."""

    stages: tuple[RateStage, ...]
    arrivals: ArrivalKind = "constant"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same time each time."""

    seconds: float

    @property
    def mean_seconds(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Between:
    """Any time between the two, each as likely."""

    shortest_seconds: float
    longest_seconds: float

    @property
    def mean_seconds(self) -> float:
        return (self.shortest_seconds + self.longest_seconds) / 2


@dataclass(frozen=True, slots=True)
class Exponential:
    """Mostly short, seldom long, without memory."""

    mean_seconds: float


ThinkTime = Fixed | Between | Exponential


@dataclass(frozen=True, slots=True)
class UserStage:
    """So many users at once, for so long; `seconds` None: for good."""

    users: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Users who chat, think, and chat again. Where every stage has an end, the first follows the last.

    `think_time` None: no time at all. Users that a stage adds come evenly over `ramp_up_seconds`. None: over one mean think time, so that users
    with a fixed one do not chat in step, but over a second at least, and at most over five seconds for each user, so that the first is soon there.
    """

    stages: tuple[UserStage, ...]
    think_time: ThinkTime | None = None
    ramp_up_seconds: float | None = None


Load = Every | OpenLoop | ClosedLoop
