"""How much came to an engine and how much of it was carried: the flow of chats at one level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from bench.chat import Chat
from bench.level import Measured
from bench.overload import Overload, overload

ENDS_AT_LEAST = 8
"""Of fewer chats that ended in a block, no rate is told."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Chats a second that came and that were carried: that ended well. Over one block, or on average over several.

    `under_way` is how many were under way at once on average, and `e2e_seconds` how long those took on average that
    ended well.
    """

    offered_per_second: float
    carried_per_second: float
    under_way: float
    e2e_seconds: float


def of(measured: Measured, target: str) -> Flow | None:
    """The flow of a target at a level: the mean over its blocks. None where no block tells it."""
    return mean([seen for chats in by_block(measured, target) if (seen := _of_block(chats)) is not None])


def mean(flows: Sequence[Flow]) -> Flow | None:
    """On average; None of none."""
    if not flows:
        return None
    names = [field.name for field in fields(Flow)]
    return Flow(**{name: float(np.mean([getattr(one, name) for one in flows])) for name in names})


def under_water(measured: Measured, target: str) -> Overload | None:
    """What was seen in the first of the blocks in which the load was more than the target can do."""
    return next((seen for chats in by_block(measured, target) if (seen := overload(chats)) is not None), None)


def by_block(measured: Measured, target: str) -> list[list[Chat]]:
    """A target's chats in each of its blocks, those of the warm-up included."""
    blocks: dict[int, list[Chat]] = {}
    for chat in measured.chats:
        if chat.target == target:
            blocks.setdefault(chat.place.block, []).append(chat)
    return [blocks[number] for number in sorted(blocks)]


def _of_block(chats: Sequence[Chat]) -> Flow | None:
    """Between the first chat after the warm-up and the last one of all, in which the load held on."""
    begins = [chat.place.since_seconds for chat in chats if not chat.place.warm_up]
    if len(begins) < 2:
        return None
    begin, end = min(begins), max(begins)
    spans = [(chat.place.since_seconds, chat.ended_seconds) for chat in chats]
    carried = [span for span, chat in zip(spans, chats, strict=True) if chat.outcome == "ok" and begin < span[1] <= end]
    if end <= begin or len(carried) < ENDS_AT_LEAST:
        return None
    inside = sum(max(0.0, min(ended, end) - max(began, begin)) for began, ended in spans)
    return Flow(
        (len(begins) - 1) / (end - begin),
        len(carried) / (end - begin),
        inside / (end - begin),
        float(np.mean([ended - began for began, ended in carried])),
    )
