"""What a run tells its listeners while it goes on. A listener must not block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.chat import Chat
from bench.level import Block, Level
from probes.record import ChatRecord
from traffic.events import SkipReason


class End(StrEnum):
    """Why a run ended."""

    DONE = "done"
    ENOUGH = "enough"
    """What `until` asked for was known."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    """The run itself broke. An engine that dies is a result, and breaks no run."""


@dataclass(frozen=True, slots=True)
class RunBegun:
    """The targets were looked at, and chats are about to be sent."""

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelBegun:
    """A level begins. `rounds` is how many it will have, `blocks` how many each of them."""

    level: Level
    rounds: int
    blocks: int


@dataclass(frozen=True, slots=True)
class BlockBegun:
    """A block begins. `at` is seconds since the epoch."""

    block: Block
    at: float


@dataclass(frozen=True, slots=True)
class ChatEnded:
    """A chat is over. `record` is None for one that was not sent: `chat.outcome` is `unsent` then."""

    chat: Chat
    record: ChatRecord | None


@dataclass(frozen=True, slots=True)
class Unsent:
    """Chats that were due and were not sent, for no fault of the engine's: they count neither way."""

    target: str
    block: Block
    reason: SkipReason
    count: int
    at: float


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """No chat of the block is under way any more. `at` is seconds since the epoch.

    `block` is as it was: where it was over before its time, chats began for fewer seconds than had been planned. `detail`
    says why, and is empty where it was not.
    """

    block: Block
    at: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """All blocks of a round are over: the time to ask whether enough is known."""

    level: Level
    round: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over. `detail` is for people."""

    end: End
    detail: str = ""


Event = RunBegun | LevelBegun | BlockBegun | ChatEnded | Unsent | BlockEnded | RoundEnded | RunEnded
Listener = Callable[[Event], None]
Enough = Callable[[Sequence[Chat]], str | None]
"""Asked after each round with all chats so far: why the run may end now, or None."""
