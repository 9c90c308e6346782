"""What a benchmark run measures: each measure's name, words, unit, sense, and its value of one chat.

The definitions are those of `docs/definitions.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.chat import Chat
from probes.failure import Reason

Unit = Literal["s", "tokens/s", "share"]
Floats = NDArray[np.float64]
ANSWER_TOKENS = 100
"""How many tokens the answer has that `answer` is the time of, where nobody says another number."""
FAILURES_WORST = "_failures_worst"
"""What the name of a measure ends with where chats that failed, or could not be sent, count as the worst there is."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Anything in which engines can be better or worse. `short` is for tables. `for_whom` says who is served by it."""

    name: str
    short: str
    title: str
    unit: Unit
    lower_is_better: bool
    for_whom: str

    @property
    def worst(self) -> float:
        """What a chat that failed counts as."""
        return inf if self.lower_is_better else 0.0


@dataclass(frozen=True, slots=True)
class Measure(Quality):
    """A quality of single chats. `of` gives a chat's value, None where it has none."""

    of: Callable[[Chat], float | None]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A measure's values in the order in which their chats began: one a chat, or, of ITL, one for each token.

    `chats` numbers the chat of each. `since_seconds` is when that began, counted from the start of its block's load.
    """

    values: Floats
    chats: NDArray[np.int64]
    since_seconds: Floats

    def __len__(self) -> int:
        return len(self.values)


def _ttft(chat: Chat) -> float | None:
    return chat.waited_seconds if chat.ttft_seconds is None else chat.ttft_seconds


def _e2e(chat: Chat) -> float | None:
    return chat.e2e_seconds if chat.outcome == "ok" else None


def _output_rate(chat: Chat) -> float | None:
    if chat.outcome != "ok" or chat.output_tokens is None or not chat.e2e_seconds:
        return None
    return chat.output_tokens / chat.e2e_seconds


def _first_content(chat: Chat) -> float | None:
    return chat.first_content_seconds


def _tpot(chat: Chat) -> float | None:
    return chat.tpot_seconds


def _stall(chat: Chat) -> float | None:
    return chat.stall_seconds


def _since_due(chat: Chat) -> float | None:
    if chat.until_first_token_seconds is not None:
        return chat.lag_seconds + chat.until_first_token_seconds
    return None if chat.waited_seconds is None or chat.e2e_seconds is None else chat.lag_seconds + chat.e2e_seconds


def _answer_seconds(tokens: int) -> Callable[[Chat], float | None]:
    def seconds(chat: Chat) -> float | None:
        if chat.ttft_seconds is None or chat.tpot_seconds is None:
            return None
        return chat.ttft_seconds + (tokens - 1) * chat.tpot_seconds

    return seconds


TTFT = Measure("ttft", "TTFT", "time to first token", "s", True, "people who wait for the first word", _ttft)
FIRST_CONTENT = Measure(
    "first_content",
    "first content",
    "time to the first text of the answer itself",
    "s",
    True,
    "people who wait while a model reasons",
    _first_content,
)
SINCE_DUE = Measure(
    "since_due", "since due", "first token since the chat was due", "s", True, "people who come when they like, connecting included", _since_due
)
"""First token less the instant at which the schedule wanted the chat. Of arrivals only: a user who waits for answers has none."""
TPOT = Measure("tpot", "TPOT", "time per output token", "s", True, "people who read along", _tpot)
ITL = Measure("itl", "ITL", "inter-token latency", "s", True, "people who read along, token by token", _tpot)
"""A chat's value is its mean ITL, which is TPOT. `values_of` has those of the tokens."""
STALL = Measure("stall", "stall", "longest stall", "s", True, "people who see the text stop in mid-sentence", _stall)
E2E = Measure("e2e", "E2E", "whole chat", "s", True, "programs and agents, which need the whole answer", _e2e)
OUTPUT_RATE = Measure(
    "output_rate", "tokens/s of a chat", "output tokens a second of a chat", "tokens/s", False, "people who want long answers", _output_rate
)
THROUGHPUT = Quality("throughput", "throughput", "output tokens a second of the engine", "tokens/s", False, "whoever pays for the GPUs")
GOODPUT = Quality("goodput", "goodput", "share of attempts that kept the objective", "share", False, "whoever promised an objective to users")
SUCCESS = Quality("success", "success", "share of attempts that succeeded", "share", False, "everybody: a chat that failed is no fast one")


@lru_cache
def answer(tokens: int = ANSWER_TOKENS) -> Measure:
    """TTFT + (tokens - 1) × TPOT: how long an answer of so many tokens takes, whatever the lengths of those that came."""
    return Measure("answer", f"{tokens}-token answer", f"time that {tokens} tokens take", "s", True, E2E.for_whom, _answer_seconds(tokens))


def measures(answer_tokens: int = ANSWER_TOKENS) -> tuple[Measure, ...]:
    """All measures of single chats, in the order of tables."""
    return (TTFT, FIRST_CONTENT, SINCE_DUE, TPOT, ITL, STALL, E2E, answer(answer_tokens), OUTPUT_RATE)


def qualities(answer_tokens: int = ANSWER_TOKENS) -> Mapping[str, Quality]:
    """Everything that engines are compared in, by its name."""
    return {each.name: each for each in (*measures(answer_tokens), THROUGHPUT, GOODPUT, SUCCESS)}


def attempt(chat: Chat) -> bool:
    """Whether the chat counts for or against its engine.

    These do not: chats of the warm-up, chats that the end cut off, chats that failed by our own fault, and chats that
    succeeded after waiting for their model to be loaded.
    """
    return chat.counts and chat.reason != Reason.INTERNAL and not (chat.loaded and chat.outcome == "ok")


def values_of(measure: Measure, attempts: Sequence[Chat]) -> Values:
    """The measure's values of those chats that have one, failed ones included.

    An ITL is a gap divided by the tokens that it brought, once for each of these.
    """
    ordered = sorted(attempts, key=_began)
    if measure.name == ITL.name:
        return _latencies(ordered)
    found = [(number, value) for number, chat in enumerate(ordered) if (value := measure.of(chat)) is not None]
    return _valued([value for _, value in found], [number for number, _ in found], ordered)


def values_with_failures(measure: Measure, attempts: Sequence[Chat]) -> Values:
    """The same of single chats, where each that failed, or could not be sent, counts as the worst there is."""
    ordered = sorted(attempts, key=_began)
    judged = [(number, measure.of(chat) if chat.outcome == "ok" else measure.worst) for number, chat in enumerate(ordered)]
    found = [(number, value) for number, value in judged if value is not None]
    return _valued([value for _, value in found], [number for number, _ in found], ordered)


def _began(chat: Chat) -> float:
    return chat.place.since_seconds


def _valued(values: Sequence[float] | Floats, chats: Sequence[int] | NDArray[np.int64], ordered: Sequence[Chat]) -> Values:
    numbers = np.array(chats, dtype=np.int64)
    return Values(np.array(values, dtype=np.float64), numbers, np.array([_began(chat) for chat in ordered], dtype=np.float64)[numbers])


def _latencies(ordered: Sequence[Chat]) -> Values:
    gaps = np.concatenate([np.empty(0), *(chat.gaps_seconds for chat in ordered)])
    tokens = np.concatenate([np.empty(0), *(chat.gap_tokens for chat in ordered)])
    chats = np.repeat(np.arange(len(ordered)), [len(chat.gaps_seconds) for chat in ordered])
    times = tokens.astype(np.int64)
    return _valued(np.repeat(gaps / np.maximum(tokens, 1), times), np.repeat(chats, times), ordered)
