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


@dataclass(frozen=True, slots=True)
class Arrival:
    """One chat of a trace: due so many seconds after its start, with so many tokens in its prompt, and at most so many in
    its answer.

    `blocks` names what its prompt begins with, `Trace.block_tokens` by name. A name stands for a block and all before it:
    chats that have a name in common begin alike, up to the end of its block.
    """

    at_seconds: float
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Chats of a recorded load, in the order in which they are due. Each asks for its own lengths.

    `speed` 2 has them come twice as fast.
    """

    arrivals: tuple[Arrival, ...]
    speed: float = 1.0
    block_tokens: int = 512

    @property
    def seconds(self) -> float:
        """How long it takes from its start to its last chat, at its speed."""
        return self.arrivals[-1].at_seconds / self.speed if self.arrivals else 0.0
