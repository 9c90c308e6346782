"""Which measures and quantiles engines are compared in. All of them are paid for: the more, the wider each interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.chat import Chat
from bench.level import Level
from bench.measures import ANSWER_TOKENS
from config.load import ClosedLoop

LENGTHS_DIFFER = 0.05
"""Answers are alike in length where neither the mean nor the p95 of their tokens differs by more than this share."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that engines are compared in. `quantile` is None for a share or a rate, `slo` set for a goodput."""

    measure: str
    quantile: float | None = None
    slo: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run is looked at for. Of `e2e` and `answer`, which both may be named, a pair of engines has one.

    `shifts` are the measures whose whole distributions are put side by side; no winner is named by these.
    """

    looks: tuple[Look, ...]
    shifts: tuple[str, ...] = ("ttft", "tpot")
    answer_tokens: int = ANSWER_TOKENS


_QUICK = (Look("ttft", 0.5), Look("ttft", 0.95), Look("success"))
_STANDARD = (*_QUICK, Look("tpot", 0.5), Look("e2e", 0.5), Look("answer", 0.5), Look("throughput"), Look("goodput"))
LOOKED: Mapping[str, Looked] = {
    "quick": Looked(_QUICK),
    "standard": Looked(_STANDARD),
    "stress": Looked((*_STANDARD, Look("ttft", 0.99), Look("stall", 0.95))),
    "custom": Looked(_STANDARD),
}
"""By the preset of the run."""


def looks_at(looked: Looked, *, arrivals: bool, slos: Sequence[str], alike: bool) -> Iterator[Look]:
    """Those that a pair of engines is compared in at a level.

    Throughput of engines that are all sent the same work at the same instants says nothing of them, so it is looked at
    only where users wait for their answers. `e2e` needs answers that are alike in length; `answer` stands in for it.
    """
    for look in looked.looks:
        if look.measure == "goodput":
            yield from (Look("goodput", slo=slo) for slo in slos if look.slo in (None, slo))
        elif not (
            (look.measure == "throughput" and arrivals)
            or (look.measure == "since_due" and not arrivals)
            or (look.measure == "e2e" and not alike)
            or (look.measure == "answer" and alike and Look("e2e", look.quantile) in looked.looks)
        ):
            yield look


def arrivals_at(level: Level, target: str) -> bool:
    """Whether the target's chats come when they are due at this level, whatever became of those before them."""
    return not isinstance(level.loads.get(target), ClosedLoop)


def alike_in_length(a: Sequence[Chat], b: Sequence[Chat]) -> bool:
    """Whether the answers of two engines were about equally long: then their E2E compares."""
    return all(max(one, other) <= min(one, other) * (1 + LENGTHS_DIFFER) for one, other in zip(_lengths(a), _lengths(b), strict=True))


def _lengths(chats: Sequence[Chat]) -> tuple[float, float]:
    tokens = [chat.output_tokens for chat in chats if chat.outcome == "ok" and chat.output_tokens is not None]
    return (float(np.mean(tokens)), float(np.quantile(tokens, 0.95))) if tokens else (0.0, 0.0)
