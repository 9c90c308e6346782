"""Goodput: the share of all attempts that succeeded and met every threshold of their SLO."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.chat import Chat
from bench.measures import attempt
from bench.statistics.shares import share_interval
from config.bench_slos import ChatSlo


@dataclass(frozen=True, slots=True)
class Goodput:
    """How many of how many attempts were good."""

    good: int
    attempts: int

    @property
    def share(self) -> float | None:
        """None without an attempt."""
        return self.good / self.attempts if self.attempts else None

    def above(self, confidence: float) -> float:
        """What the true share is above, by Wilson's one-sided bound at this confidence; 0 where nothing is known.

        It takes the chats for independent.
        """
        return self._bounds(confidence)[0]

    def below(self, confidence: float) -> float:
        """What the true share is below, in the same way; 1 where nothing is known."""
        return self._bounds(confidence)[1]

    def _bounds(self, confidence: float) -> tuple[float, float]:
        if not self.attempts:
            return 0.0, 1.0
        both = share_interval(self.good, self.attempts, 2 * confidence - 1)
        return both.low, both.high


def goodput(chats: Iterable[Chat], slo: ChatSlo) -> Goodput:
    """Of those of these chats that are attempts, as `bench.measures.attempt` has it."""
    attempts = [chat for chat in chats if attempt(chat)]
    return Goodput(sum(good(chat, slo) for chat in attempts), len(attempts))


def good(chat: Chat, slo: ChatSlo) -> bool:
    """Whether a chat succeeded and met every threshold. One on TPOT does not apply to a chat that has no TPOT."""
    if chat.outcome != "ok":
        return False
    return (
        _met(chat.ttft_seconds, slo.ttft_seconds)
        and (chat.tpot_seconds is None or _met(chat.tpot_seconds, slo.tpot_seconds))
        and _met(chat.e2e_seconds, slo.e2e_seconds)
    )


def _met(seconds: float | None, threshold_seconds: float | None) -> bool:
    return threshold_seconds is None or (seconds is not None and seconds <= threshold_seconds)
