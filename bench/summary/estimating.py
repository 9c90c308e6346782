"""A measure of one engine at one level, as comparisons need it: over rounds, part by part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.chat import Chat
from bench.goodput import good
from bench.measures import ITL, SUCCESS, THROUGHPUT, Floats, Measure, Quality, Values
from bench.statistics.estimates import Estimate, Pooled, rate_estimate, share_estimate
from bench.statistics.samples import Round
from bench.summary.rates import tokens_a_second
from bench.summary.sample import BlockSample, Sample
from config.bench_slos import ChatSlo

Take = Callable[[BlockSample, Measure], Values]
"""Which values of a block are meant: `Part.values`, or `Part.values_with_failures`."""
WHOLE = 0.9
"""A round is whole where an engine was measured in it for at least this share of the longest round's time."""


def whole_rounds(samples: Sequence[Sample]) -> list[int]:
    """The rounds in which all these engines were measured to the end: the others are compared in none."""
    seconds = [{number: sum(part.seconds for part in parts) for number, parts in sample.rounds.items()} for sample in samples]
    longest = max((each for one in seconds for each in one.values()), default=0.0)
    shared = set.intersection(*(set(one) for one in seconds)) if seconds else set()
    return sorted(number for number in shared if all(one[number] >= WHOLE * longest for one in seconds))


def only(sample: Sample, rounds: Collection[int]) -> Sample:
    """The sample without its other rounds."""
    return replace(sample, parts=tuple(part for part in sample.parts if part.block.round in rounds))


def estimate_of(sample: Sample, quality: Quality, quantile: float | None, slo: ChatSlo | None) -> Estimate:
    """Whatever engines are compared in: `quantile` is that of a measure of chats, `slo` that of a goodput. Raises `TooFewError`."""
    if isinstance(quality, Measure):
        assert quantile is not None, "a measure of chats is asked for by a quantile"
        return quantile_of(sample, quality, quantile)
    if quality.name == THROUGHPUT.name:
        return throughput_of(sample)
    if quality.name == SUCCESS.name:
        return success_of(sample)
    assert slo is not None, "goodput is asked for by an SLO"
    return goodput_of(sample, slo)


def quantile_of(sample: Sample, measure: Measure, quantile: float) -> Estimate:
    """A quantile of a measure, in which chats that failed are the worst. Raises `TooFewError`.

    Of ITL, which is of tokens, failed chats have those that they gave.
    """
    return quantiles_of(sample, measure, [quantile])[0]


def quantiles_of(sample: Sample, measure: Measure, quantiles: Sequence[float]) -> list[Estimate]:
    """Several quantiles of a measure, likewise."""
    rounds = rounds_of(sample, measure, BlockSample.values if measure.name == ITL.name else BlockSample.values_with_failures)
    if measure.lower_is_better:
        pooled = Pooled.of(rounds)
        return [pooled.quantile(quantile) for quantile in quantiles]
    turned = Pooled.of([replace(one, values=_turned(one.values)) for one in rounds])
    found = [turned.quantile(1 - quantile) for quantile in quantiles]
    return [replace(one, value=-one.value, errors=-one.errors) for one in found]


def throughput_of(sample: Sample) -> Estimate:
    """Output tokens a second. Raises `TooFewError`."""
    return rate_estimate(tokens_a_second(sample))


def success_of(sample: Sample) -> Estimate:
    """The share of attempts that succeeded. Raises `TooFewError`."""
    return share_estimate(judged(sample, lambda chat: chat.outcome == "ok"))


def goodput_of(sample: Sample, slo: ChatSlo) -> Estimate:
    """The share of attempts that met the SLO. Raises `TooFewError`."""
    return share_estimate(judged(sample, partial(good, slo=slo)))


def rounds_of(sample: Sample, measure: Measure, take: Take) -> list[Round]:
    """The values that `take` finds, round by round. Those of ITL come in chats."""
    return [_round([take(part, measure) for part in parts], parts, several=measure.name == ITL.name) for parts in sample.rounds.values()]


def chat_numbers(rounds: Sequence[Round]) -> NDArray[np.int64] | None:
    """For each value of all rounds the number of its chat; None where each value is a chat of its own."""
    numbers, before = [], 0
    for one in rounds:
        if one.chats is None:
            return None
        numbers.append(one.chats + before)
        before += int(one.chats.max(initial=-1)) + 1
    return np.concatenate([np.empty(0, dtype=np.int64), *numbers])


def judged(sample: Sample, judge: Callable[[Chat], bool]) -> list[Round]:
    """1 for each attempt that was good, 0 for each other, round by round."""
    return rounds_of(sample, Measure("judged", "", "", "share", False, "", lambda chat: float(judge(chat))), BlockSample.values)


def _turned(values: Floats) -> Floats:
    """One over each; of 0, infinity."""
    turned = np.full(len(values), np.inf)
    np.divide(1.0, values, out=turned, where=values > 0)
    return turned


def _round(found: Sequence[Values], parts: Sequence[BlockSample], *, several: bool) -> Round:
    """One round of all its blocks, as if each had begun where the one before it ended."""
    begun = np.cumsum([0.0, *(part.block.seconds for part in parts)])
    before = np.cumsum([0, *(len(part.attempts) for part in parts)])
    since = [values.since_seconds + start for values, start in zip(found, begun, strict=False)]
    chats = [values.chats + number for values, number in zip(found, before, strict=False)]
    return Round(np.concatenate([values.values for values in found]), np.concatenate(since), np.concatenate(chats) if several else None)
