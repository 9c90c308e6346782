"""Tokens that something on the way gathered: told from the rhythm of a chat's chunks, and from the engine's own time. Pure.

A router that holds small pieces back (HAProxy on plain HTTP), a proxy that fills a buffer first (nginx with TLS or gzip)
and a gateway that compresses hand on several chunks at once, and then none for a while. What the user feels is true; of
the engine's pace it says nothing. `docs/definitions.md` has what was seen, and what cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.record import Chunk, Native

TOGETHER_NS = 1_000_000
"""A chunk that came no later than this after the one before it came together with it."""
AT_ONCE_NS = 100_000
"""Chunks that lie no further apart than this on average came at once: no engine computes a token in so little time.

What a router gathers has one and the same stamp. Of the quickest engine that was tried (4.5 million random weights on a
CPU) tokens lie 0.5 ms apart.
"""
MOST_OF_A_STEP = 8
"""So many chunks at once may be one step of an engine that guesses ahead and sends each token by itself (TGI `--speculate`)."""
LONGEST_STEP_NS = 100_000_000
"""No such step takes longer: a large model needs some 50 ms for one. HAProxy holds back for 200 ms."""
FEWEST_HELD = 8
"""Fewer chunks that were held back are one bad moment."""
MOST = 0.5
"""The share of a chat's chunks that must have been held back."""
FEWEST_TIMED = 4
"""Ollama counts the first token's step to the time of the answer: with fewer chunks that is a large part of it."""
SHORTENED_NS = 50_000_000
"""An answer that was held back came in a time that is shorter than the engine's own by at least this."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """How gathered chunks came: in `count` bursts, of `chunks` chunks and `every_seconds` apart as a rule.

    `every_seconds` is None where all came in one burst. `share` is that of the chunks after the first that came together
    with the one before.
    """

    count: int
    chunks: int
    every_seconds: float | None
    share: float


@dataclass(frozen=True, slots=True)
class _Burst:
    """Chunks that came together, of `steps` steps of the engine at most.

    `gap_ns` is how long nothing had come before them, 0 for the first ones: the wait for them has whatever length. `span_ns`
    is how long they took at most.
    """

    chunks: int
    steps: int
    gap_ns: int
    span_ns: int

    @property
    def is_held(self) -> bool:
        """Whether they were held back: they came at once, and are more than one step gives, or came too late for one."""
        at_once = self.span_ns <= (self.chunks - 1) * AT_ONCE_NS
        return at_once and self.steps > (1 if self.gap_ns >= LONGEST_STEP_NS else MOST_OF_A_STEP)


def bursts(chunks: Sequence[Chunk], native: Native) -> Bursts | None:
    """How the tokens of a chat came, if something on the way gathered them; None where nothing did, or nobody can know."""
    if len(chunks) < FEWEST_TIMED:
        return None
    found = list(_found(chunks, native.server_gaps_seconds or ()))
    share = (len(chunks) - len(found)) / (len(chunks) - 1)
    held = sum(burst.chunks for burst in found if burst.is_held)
    if held < max(FEWEST_HELD, MOST * len(chunks)) and not (share >= MOST and _shortened(chunks, native)):
        return None
    return Bursts(
        count=len(found),
        chunks=_usual([(burst.chunks, burst.chunks) for burst in found]),
        every_seconds=_usual([(burst.gap_ns, burst.chunks) for burst in found[1:]]) / 1e9 if len(found) > 1 else None,
        share=share,
    )


def _found(chunks: Sequence[Chunk], own_gaps: Sequence[float]) -> Iterator[_Burst]:
    """The bursts in order. `own_gaps` lie between the chunks by the engine's own stamps, in seconds, as far as it told."""
    began, steps = 0, 1
    for place, chunk in enumerate(chunks[1:], 1):
        if chunk.arrived_ns - _earliest_ns(chunks[place - 1]) > TOGETHER_NS:
            yield _burst(chunks, began, place, steps)
            began, steps = place, 1
        elif place > len(own_gaps) or own_gaps[place - 1] * 1e9 > AT_ONCE_NS:
            steps += 1
    yield _burst(chunks, began, len(chunks), steps)


def _burst(chunks: Sequence[Chunk], begin: int, end: int, steps: int) -> _Burst:
    first_ns = _earliest_ns(chunks[begin])
    gap_ns = first_ns - chunks[begin - 1].arrived_ns if begin else 0
    return _Burst(end - begin, steps, gap_ns, chunks[end - 1].arrived_ns - first_ns)


def _earliest_ns(chunk: Chunk) -> int:
    return chunk.arrived_ns - chunk.error_ns


def _shortened(chunks: Sequence[Chunk], native: Native) -> bool:
    """Whether the tokens came in half the time, or less, in which the engine says that it computed them."""
    if native.decode_seconds is None:
        return False
    computed_ns, took_ns = native.decode_seconds * 1e9, chunks[-1].arrived_ns - _earliest_ns(chunks[0])
    return computed_ns - took_ns >= max(SHORTENED_NS, computed_ns / 2)


def _usual(weighted: list[tuple[int, int]]) -> int:
    """The median of (value, weight)."""
    half = sum(weight for _, weight in weighted) / 2
    for value, weight in sorted(weighted):
        half -= weight
        if half <= 0:
            return value
    raise ValueError("nothing to take a median of")
