"""Where the steady part of a block begins, after caches have filled and batches have grown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.statistics.samples import Floats

_BATCH = 5
_LEAST_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Steady:
    """The steady part. `begins_seconds` is 0 where nothing needs to be cut; `cut` of `chats` chats began before it.

    `reached` is False where the rule would have cut still more than it may: the block may never have been steady.
    """

    begins_seconds: float
    cut: int
    chats: int
    reached: bool


def steady(values: Floats, since_seconds: Floats, most: float = 0.5) -> Steady:
    """The steady part by MSER-5 (White, Cobb and Spratt, Winter Simulation Conference 2000), at most the share `most` cut.

    Of all beginnings it takes the one after which the mean is best known: means of five values in order, the variance of
    those that stay over the square of their number. It is run on logarithms, so that one slow chat is no beginning, and on
    finite values: failed chats are no warm-up. Blocks of fewer than 40 such values are left whole. Engines that are
    compared must be cut alike: at the latest of their beginnings.
    """
    order = np.argsort(since_seconds, kind="stable")
    order = order[np.isfinite(values[order])]
    batches = len(order) // _BATCH
    if batches < _LEAST_BATCHES:
        return Steady(0.0, 0, len(values), True)
    logs = np.log(np.maximum(values[order[: batches * _BATCH]], 1e-9)).reshape(batches, _BATCH).mean(axis=1)
    staying = np.arange(batches, 0, -1)
    sums, squares = np.cumsum(logs[::-1])[::-1], np.cumsum((logs**2)[::-1])[::-1]
    spread = np.maximum(squares - sums**2 / staying, 0.0) / staying.astype(float) ** 2
    # The last batches are few and may be alike by chance: a minimum beyond the half is no steady part.
    allowed = int(batches * most)
    best = int(np.argmin(spread[: batches - _LEAST_BATCHES // 2]))
    first = min(best, allowed)
    if first == 0:
        return Steady(0.0, 0, len(values), True)
    begins = float(since_seconds[order[first * _BATCH]])
    return Steady(begins, int((since_seconds < begins).sum()), len(values), best <= allowed)
