"""Which target was better where one prompt went to several at the same instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations
from typing import NamedTuple

from probes.record import ChatRecord
from traffic.events import Pair, Side
from traffic.success import side_succeeded


class Measure(StrEnum):
    """On what two chats are compared. Lower is better."""

    TTFT = "ttft"
    TPOT = "tpot"
    E2E = "e2e"
    """TTFT and TPOT put together for an answer of a stated length. The chats' own E2E rather shows how much each
    engine wrote."""


class Undecided(StrEnum):
    """Why none can win of two chats that succeeded: a closed list."""

    GATHERED = "gathered"
    """Something on the way gathered the tokens of one. Its timings say nothing of the engine then."""
    LOAD = "load"
    """One waited for its model to be loaded."""
    INPUT_TOKENS = "input_tokens"
    """The engines counted so different numbers of prompt tokens that they did not work on the same prompt."""


class Comparison(NamedTuple):
    """What a target won against a peer in one pair; `undecided` is why it could win nothing, None where it could."""

    target: str
    peer: str
    won: tuple[Measure, ...]
    undecided: Undecided | None = None


TEMPLATE_TOKENS = 64
"""How many more tokens one model's chat template may add than another's: a default system prompt is some 20 to 40."""
TOKENIZERS_DIFFER = 0.5
"""By how much more one tokenizer may count than another on the same text, as a share: GPT-2's and Llama 3's differ by a
quarter in English, and by less than a half in the languages of Europe."""


@dataclass(frozen=True, slots=True)
class _Timing:
    """A measured value, and by how much it may be off."""

    seconds: float
    error_seconds: float

    def beats(self, other: _Timing) -> bool:
        """Whether it is lower than the other by more than both may be off together."""
        return other.seconds - self.seconds > self.error_seconds + other.error_seconds


def spread_seconds(pair: Pair) -> float | None:
    """How far apart the first and the last of its requests were sent. None where fewer than two were."""
    sent = [side.record.sent_ns for side in pair.sides if side.record is not None and side.record.sent_ns is not None]
    return (max(sent) - min(sent)) / 1e9 if len(sent) > 1 else None


def compared(pair: Pair, answer_tokens: int) -> Iterator[Comparison]:
    """Each two sides of a pair that can be compared, seen from either side."""
    for one, other in permutations(pair.sides, 2):
        won = wins(one, other, answer_tokens)
        if won is not None:
            yield Comparison(one.target, other.target, won, undecided(one, other))


def undecided(one: Side, other: Side) -> Undecided | None:
    """Why neither can win although both succeeded; None where one can, or where one did not succeed."""
    if one.record is None or other.record is None or not (side_succeeded(one) and side_succeeded(other)):
        return None
    if one.record.bursts is not None or other.record.bursts is not None:
        return Undecided.GATHERED
    if one.record.load is not None or other.record.load is not None:
        return Undecided.LOAD
    return None if _may_be_one_prompt(one.record, other.record) else Undecided.INPUT_TOKENS


def _may_be_one_prompt(one: ChatRecord, other: ChatRecord) -> bool:
    """Whether both engines can have worked on the same text, by their own counts of it.

    With models of one name the counts are the same. Other models have other tokenizers and chat templates.
    """
    if one.input_tokens is None or other.input_tokens is None:
        return True
    difference, fewer = abs(one.input_tokens - other.input_tokens), min(one.input_tokens, other.input_tokens)
    return difference <= (0 if one.model == other.model else TEMPLATE_TOKENS + TOKENIZERS_DIFFER * fewer)


def wins(one: Side, other: Side, answer_tokens: int) -> tuple[Measure, ...] | None:
    """What the first side won against the other.

    None if the two cannot be compared, because one of them counts neither way. A side that succeeded wins on every
    measure against a side that failed, or that was not sent because of its target. Of two that failed, none wins. Of
    two that succeeded, the one with the lower value wins. Neither wins where the difference is within what both timings
    may be off, where one of them lacks the measure, or where the two are `undecided`.

    `answer_tokens`, at least 1, is the length of the answer that E2E is stated for: `TTFT + (answer_tokens - 1) ×
    TPOT`.
    """
    one_succeeded, other_succeeded = side_succeeded(one), side_succeeded(other)
    if one_succeeded is None or other_succeeded is None:
        return None
    if one_succeeded and not other_succeeded:
        return tuple(Measure)
    if not (one_succeeded and one.record and other.record) or undecided(one, other) is not None:
        return ()
    mine, theirs = _timings(one.record, answer_tokens), _timings(other.record, answer_tokens)
    return tuple(measure for measure in Measure if measure in mine and measure in theirs and mine[measure].beats(theirs[measure]))


def _timings(record: ChatRecord, answer_tokens: int) -> dict[Measure, _Timing]:
    """The measures that the chat has."""
    if record.ttft_seconds is None:
        return {}
    error_seconds = record.max_timing_error_seconds
    found = {Measure.TTFT: _Timing(record.ttft_seconds, error_seconds)}
    if record.tpot_seconds is not None and record.later_tokens is not None:
        # the error is that of the whole span, which the tokens after the first chunk share
        error_per_token = error_seconds / record.later_tokens
        found[Measure.TPOT] = _Timing(record.tpot_seconds, error_per_token)
        more = answer_tokens - 1
        found[Measure.E2E] = _Timing(record.ttft_seconds + more * record.tpot_seconds, error_seconds + more * error_per_token)
    return found
