"""A target's chats at one level, as far as they count: round by round, and how long each was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bench.chat import Chat
from bench.level import Block, Measured
from bench.measures import ITL, Measure, Values, attempt, values_of, values_with_failures


@dataclass(frozen=True)
class BlockSample:
    """One block of one target: all its chats, and the time of it that counts, counted from the start of its load."""

    block: Block
    chats: Sequence[Chat]
    from_seconds: float
    to_seconds: float
    _found: dict[tuple[Measure, bool], Values] = field(default_factory=dict, repr=False, compare=False)

    @property
    def seconds(self) -> float:
        return self.to_seconds - self.from_seconds

    @cached_property
    def attempts(self) -> list[Chat]:
        """Those that began in the time that counts, and count for or against the engine."""
        return [chat for chat in self.chats if self._within(chat) and attempt(chat)]

    def values(self, measure: Measure) -> Values:
        """Those of its attempts, in the order in which they began."""
        if measure.name == ITL.name:
            return values_of(measure, self.attempts)
        return self._kept((measure, False), lambda: values_of(measure, self.attempts))

    def values_with_failures(self, measure: Measure) -> Values:
        """The same where each attempt that failed is the worst."""
        return self._kept((measure, True), lambda: values_with_failures(measure, self.attempts))

    def _kept(self, key: tuple[Measure, bool], make: Callable[[], Values]) -> Values:
        """Made once: each is asked for again and again. Not those of tokens, which are too many to keep."""
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]

    @property
    def unsteady(self) -> int:
        """How many began after the warm-up, and before the time that counts."""
        return sum(not chat.place.warm_up and not self._within(chat) for chat in self.chats)

    def within(self) -> Iterable[Chat]:
        """Every chat that began in the time that counts."""
        return filter(self._within, self.chats)

    def _within(self, chat: Chat) -> bool:
        return not chat.place.warm_up and chat.place.since_seconds >= self.from_seconds


@dataclass(frozen=True)
class Sample:
    """All blocks of one target at one level."""

    target: str
    parts: tuple[BlockSample, ...]

    @cached_property
    def rounds(self) -> Mapping[int, tuple[BlockSample, ...]]:
        """The blocks of each round, by its number, in order. A round without any time is none."""
        found: dict[int, list[BlockSample]] = defaultdict(list)
        for part in self.parts:
            if part.seconds > 0:
                found[part.block.round].append(part)
        return {number: tuple(found[number]) for number in sorted(found)}

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)

    @cached_property
    def attempts(self) -> list[Chat]:
        return [chat for part in self.parts for chat in part.attempts]

    @property
    def failed(self) -> bool:
        """Whether any attempt did."""
        return any(chat.outcome != "ok" for chat in self.attempts)

    @cached_property
    def chats(self) -> list[Chat]:
        """Every chat that began in the time that counts, whatever became of it."""
        return [chat for part in self.parts for chat in part.within()]


def sample(target: str, measured: Measured, from_seconds: float | None = None) -> Sample:
    """The target's chats at this level. Blocks count from `from_seconds` on, or from the end of their warm-up."""
    blocks = [block for block in measured.blocks if target in block.targets]
    by_block: dict[int, list[Chat]] = defaultdict(list)
    for chat in measured.chats:
        by_block[chat.place.block].append(chat)
    return Sample(target, tuple(_part(block, target, by_block[block.number], from_seconds) for block in blocks))


def _part(block: Block, target: str, chats: Sequence[Chat], from_seconds: float | None) -> BlockSample:
    begin = max(block.warm_up_seconds, from_seconds or 0.0)
    return BlockSample(block, [chat for chat in chats if chat.target == target], begin, max(begin, _end(block, chats)))


def _end(block: Block, chats: Sequence[Chat]) -> float:
    """When the block's time was over: earlier than planned where the last thing that happened in it was that chats were cut off."""
    last = max((chat.ended_seconds for chat in chats), default=0.0)
    return min(block.seconds, last) if any(chat.outcome == "cut" for chat in chats) else block.seconds
