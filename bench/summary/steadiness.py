"""From when on the blocks of a level are steady: all engines of a level are cut alike, at the latest of their beginnings.

A beginning is looked for in TTFT and TPOT, over all blocks of an engine laid on each other, by `bench.statistics.steady`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.measures import TPOT, TTFT, Measure, Values, values_of
from bench.statistics.steady import steady
from bench.summary.sample import Sample
from bench.summary.shape import Steady
from bench.summary.words import percent
from probes.wording import duration

SURE = 0.001
"""A beginning is cut only where values as unlike those after it are as improbable as this by chance (Mann and Whitney,
Annals of Mathematical Statistics 18, 1947): the rule for the cut alone finds one in noise too."""


def steady_part(samples: Sequence[Sample]) -> Steady:
    """From when on chats of this level count. `samples` are those after the warm-up."""
    warm_up, longest = _bounds(samples)
    found = [cut for sample in samples for measure in (TTFT, TPOT) if (cut := _cut(sample, measure))]
    if not found:
        return Steady(warm_up, warm_up, "steady from the end of the warm-up on: nothing more was cut")
    begins, words = max(found)
    share = percent((begins - warm_up) / (longest - warm_up))
    return Steady(warm_up, begins, f"the first {begins:.1f} s of each block were cut, {share} of what followed the warm-up: {words}")


def changing(samples: Sequence[Sample]) -> Steady:
    """That of a load that changes by itself, as a replay does: it is not cut, as nobody could tell its beginning."""
    warm_up, _ = _bounds(samples)
    return Steady(warm_up, warm_up, "the load changes by itself: nothing but the warm-up was cut")


def _bounds(samples: Sequence[Sample]) -> tuple[float, float]:
    """The longest warm-up and the longest block, in seconds."""
    parts = [part for sample in samples for part in sample.parts]
    return max((part.from_seconds for part in parts), default=0.0), max((part.block.seconds for part in parts), default=0.0)


def _cut(sample: Sample, measure: Measure) -> tuple[float, str] | None:
    """When the measure became steady, and why that is believed; None where it was from the beginning."""
    values = values_of(measure, sample.attempts)
    found = steady([(block.values, block.since_seconds) for block in (part.values(measure) for part in sample.parts)])
    if found.cut == 0 or not _differ(values, found.begins_seconds):
        return None
    before, after = (float(np.median(values.values[side])) for side in _sides(values, found.begins_seconds))
    words = f"there {measure.short} of {sample.target} was {duration(before)} (p50), then {duration(after)}"
    return found.begins_seconds, words if found.reached else f"{words}; it may never have become steady, as no more than half is cut"


def _differ(values: Values, begins: float) -> bool:
    from scipy.stats import mannwhitneyu  # takes most of a second to load, and few runs come here

    before, after = _sides(values, begins)
    return float(mannwhitneyu(values.values[before], values.values[after]).pvalue) < SURE


def _sides(values: Values, begins: float) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    early = values.since_seconds < begins
    return early, ~early
