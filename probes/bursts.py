"""Tokens that something on the way gathered: told from the rhythm of their chunks, and from the engine's own time.

A router that holds small pieces back (HAProxy on plain HTTP), a proxy that fills a buffer first (nginx with TLS or
gzip) and a gateway that compresses hand on several chunks at once, and then none for a while. What the user feels is
true; of the engine's pace it says nothing. `docs/definitions.md` has what was seen, and what cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import sub

from probes.chunk import Chunk, Chunks
from probes.own_account import Native

TOGETHER_NS = 1_000_000
"""A chunk that came no later than this after the one before it came together with it."""
AT_ONCE_NS = 100_000
"""Chunks that lie no further apart than this on average came at once: no engine computes a token in so little time.

What a router gathers has one and the same stamp. Of the quickest engine that was tried (4.5 million random weights on a
CPU) tokens lie 0.5 ms apart.
"""
MOST_OF_A_STEP = 8
"""So many chunks at once may be one step of an engine that guesses ahead and sends each token by itself.

That is TGI with `--speculate`.
"""
LONGEST_STEP_NS = 100_000_000
"""No such step takes longer: a large model needs some 50 ms for one. HAProxy holds back for 200 ms."""
SHORTEST_HOLD_NS = 30_000_000
"""Nothing that gathers hands on sooner, and a program that waits for a processor mostly has it sooner.

With an engine of 0.2 ms a token on a busy machine, ten tokens came at once each 4 ms.
"""
FEWEST_HELD = 8
"""Fewer chunks that were held back are one bad moment."""
MOST = 0.5
"""The share of a chat's bursts, and of its chunks, that must have been held back.

What gathers does so all the time. A program that waits for a processor holds many chunks now and then, and hands on
the others one by one.
"""
SINGLE = 0.2
"""An engine that guesses ahead sends single tokens in at least this share of its steps: not all guesses are right.

A router or a proxy hands on a single one only where the engine itself paused.
"""
FEWEST_TIMED = 4
"""Ollama counts the first token's step to the time of the answer: with fewer chunks that is a large part of it."""
SHORTENED_NS = 50_000_000
"""An answer that was held back came in a time that is shorter than the engine's own by at least this."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """How gathered chunks came: in `count` bursts, of `chunks` chunks and `every_seconds` apart as a rule.

    `every_seconds` is None where all came in one burst. `share` is that of the chunks after the first that came
    together with the one before.
    """

    count: int
    chunks: int
    every_seconds: float | None
    share: float


@dataclass(frozen=True, slots=True)
class _Burst:
    """Chunks that came together, of `steps` steps of the engine at most.

    `gap_ns` is how long nothing had come before them, which is the wait for the first ones, `span_ns` how long they
    took at most.
    """

    is_first: bool
    chunks: int
    steps: int
    gap_ns: int
    span_ns: int

    @property
    def is_held(self) -> bool:
        """Whether they were held back: they came at once, and are more than one step gives, or came too late for one.

        The wait for the first ones is that for the prompt too, and says nothing of a step.
        """
        if self.span_ns > (self.chunks - 1) * AT_ONCE_NS:
            return False
        too_many = self.steps > MOST_OF_A_STEP and self.gap_ns >= SHORTEST_HOLD_NS
        too_late = self.steps > 1 and self.gap_ns >= LONGEST_STEP_NS and not self.is_first
        return too_many or too_late


def bursts(chunks: Sequence[Chunk], native: Native, sent_ns: int | None) -> Bursts | None:
    """How the tokens of a chat came, if something on the way gathered them; None where nothing did, or nobody can know.

    `sent_ns` is when the request was sent.
    """
    if sent_ns is None or len(chunks) < FEWEST_TIMED:
        return None
    columns = Chunks.of(chunks)
    arrived_ns = columns.arrived_ns
    earliest_ns = tuple(map(sub, arrived_ns, columns.error_ns))
    if min(map(sub, arrived_ns[1:], earliest_ns)) > TOGETHER_NS:
        return None  # none came together with another: so it is with most chats
    found = list(_found(arrived_ns, earliest_ns, native.server_gaps_seconds or (), sent_ns))
    share = (len(chunks) - len(found)) / (len(chunks) - 1)
    if not _held_back(found) and not (share >= MOST and _shortened(arrived_ns[-1] - earliest_ns[0], native)):
        return None
    return Bursts(
        count=len(found),
        chunks=_usual([(burst.chunks, burst.chunks) for burst in found]),
        every_seconds=_usual([(burst.gap_ns, burst.chunks) for burst in found[1:]]) / 1e9 if len(found) > 1 else None,
        share=share,
    )


def _found(arrived_ns: Sequence[int], earliest_ns: Sequence[int], own_gaps: Sequence[float], sent_ns: int) -> Iterator[_Burst]:
    """The bursts in order. `own_gaps` lie between the chunks by the engine's own stamps, in seconds, as far as told."""
    since_ns, began, steps = sent_ns, 0, 1

    def burst(end: int) -> _Burst:
        return _Burst(began == 0, end - began, steps, earliest_ns[began] - since_ns, arrived_ns[end - 1] - earliest_ns[began])

    for place in range(1, len(arrived_ns)):
        if arrived_ns[place] - earliest_ns[place - 1] > TOGETHER_NS:
            yield burst(place)
            since_ns, began, steps = arrived_ns[place - 1], place, 1
        elif place > len(own_gaps) or own_gaps[place - 1] * 1e9 > AT_ONCE_NS:
            steps += 1
    yield burst(len(arrived_ns))


def _held_back(found: Sequence[_Burst]) -> bool:
    """Whether most bursts, and with them most chunks, were held back."""
    held = [burst.chunks for burst in found if burst.is_held]
    if _guessed_ahead(found):
        return False
    return len(held) >= MOST * len(found) and sum(held) >= max(FEWEST_HELD, MOST * sum(burst.chunks for burst in found))


def _guessed_ahead(found: Sequence[_Burst]) -> bool:
    """Whether single chunks came among the others, and the engine had taken as long for them as for several.

    The first and the last burst say nothing: the answer begins and ends there.
    """
    between = found[1:-1]
    several = [(burst.gap_ns, 1) for burst in between if burst.chunks > 1]
    if not several:
        return False
    step_ns = _usual(several)
    single = sum(burst.chunks == 1 and step_ns <= 2 * burst.gap_ns <= 4 * step_ns for burst in between)
    return single >= max(2, SINGLE * len(between))


def _shortened(took_ns: int, native: Native) -> bool:
    """Whether the tokens came in half the time, or less, in which the engine says that it computed them."""
    if native.decode_seconds is None:
        return False
    computed_ns = native.decode_seconds * 1e9
    return computed_ns - took_ns >= max(SHORTENED_NS, computed_ns / 2)


def _usual(weighted: list[tuple[int, int]]) -> int:
    """The median of (value, weight)."""
    half = sum(weight for _, weight in weighted) / 2
    for value, weight in sorted(weighted):
        half -= weight
        if half <= 0:
            return value
    raise ValueError("nothing to take a median of")
