"""Where the steady part of a block begins, after caches have filled and batches have grown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.statistics.samples import Floats

_BATCH = 5
_LEAST_BATCHES = 8
_MOST = 0.5
"""At most this share of the chats is cut."""
_TELLING = 3.0
"""What is cut differs from what stays by so many standard errors at least: of all beginnings the best is looked at."""


@dataclass(frozen=True, slots=True)
class Steady:
    """The steady part. `begins_seconds` is 0 where nothing needs to be cut; `cut` of `chats` chats began before it.

    `reached` is False where the rule would have cut still more than it may: the block may never have been steady.
    """

    begins_seconds: float
    cut: int
    chats: int
    reached: bool


def steady(blocks: Sequence[tuple[Floats, Floats]]) -> Steady:
    """The steady part of blocks that warm up alike: for each its values, and the seconds since its load began.

    It is MSER-5 (White, Cobb and Spratt, Winter Simulation Conference 2000), over all blocks together: of all beginnings
    it takes the one after which the mean is best known, by the variance of what stays over the square of its length. The
    blocks of all rounds, and of all engines that are compared, belong into one call: what warms up does so each time,
    noise does not, and engines that are cut unlike are compared unlike. At most half of the chats is cut.

    It is run on logarithms less the mean of their block, so that one slow chat is no warm-up, nor a slow round. Failed
    chats (`inf`) say nothing of it. Nothing is cut where what would be does not differ from what stays by more than
    three standard errors, or of fewer than 40 values.
    """
    chats = sum(len(values) for values, _ in blocks)
    whole = Steady(0.0, 0, chats, True)
    logs, since = _centred(blocks)
    size = _BATCH * max(len(blocks), 1)
    # Many blocks of few chats each are still to be seen in as many steps as one long block has at least.
    size = max(min(size, len(logs) // _LEAST_BATCHES), 1)
    batches = len(logs) // size
    if batches < _LEAST_BATCHES or len(logs) < _BATCH * _LEAST_BATCHES:
        return whole
    means = logs[: batches * size].reshape(batches, size).mean(axis=1)
    staying = np.arange(batches, 0, -1)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum((means**2)[::-1])[::-1]
    off = np.maximum(squares - sums**2 / staying, 0.0)
    # The last batches are few and may be alike by chance: that is no steady part.
    best = int(np.argmin((off / staying.astype(float) ** 2)[: batches - _LEAST_BATCHES // 2]))
    if best == 0 or not _differs(means[:best], means[best:]):
        return whole
    first = min(best, int(batches * _MOST))
    begins = float(since[first * size])
    cut = sum(int((seconds < begins).sum()) for _, seconds in blocks)
    return Steady(begins, cut, chats, best <= int(batches * _MOST))


def _centred(blocks: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """The logarithms of all finite values less the mean of their block, and their times; in the order of these."""
    logs, times = [np.empty(0)], [np.empty(0)]
    for values, since in blocks:
        finite = np.isfinite(values)
        own = np.log(np.maximum(values[finite], 1e-9))
        logs.append(own - own.mean() if len(own) else own)
        times.append(since[finite])
    order = np.argsort(np.concatenate(times), kind="stable")
    return np.concatenate(logs)[order], np.concatenate(times)[order]


def _differs(head: Floats, rest: Floats) -> bool:
    error = float(rest.std(ddof=1)) * math.sqrt(1 / len(head) + 1 / len(rest))
    return abs(float(head.mean() - rest.mean())) > _TELLING * error
