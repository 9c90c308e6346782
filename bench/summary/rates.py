"""How much an engine gave out a second, over a level and over each part of each of its rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.chat import Chat
from bench.measures import Floats
from bench.statistics.samples import PARTS
from bench.summary.output import finished_between, tokens_between
from bench.summary.sample import BlockSample, Sample

Counted = Callable[[Sequence[Chat], Floats], Floats]


def tokens_a_second(sample: Sample) -> Floats:
    """Output tokens a second: a row a round, a column for each of the equally long parts of it."""
    return _a_second(sample, tokens_between)


def chats_a_second(sample: Sample) -> Floats:
    """Chats that succeeded, a second, likewise."""
    return _a_second(sample, finished_between)


def _a_second(sample: Sample, counted: Counted) -> Floats:
    return np.array([_of_round(parts, counted) for parts in sample.rounds.values()]).reshape(-1, PARTS)


def _of_round(parts: Sequence[BlockSample], counted: Counted) -> Floats:
    """Where a round has two blocks, its parts are those of both, one behind the other."""
    seconds = sum(part.seconds for part in parts)
    edges = np.linspace(0.0, seconds, PARTS + 1)
    found, before = np.zeros(PARTS), 0.0
    for part in parts:
        found += counted(part.chats, part.from_seconds + np.clip(edges - before, 0.0, part.seconds))
        before += part.seconds
    return found / (seconds / PARTS)
