"""The numbers of one engine at one level: what became of its chats, and how its measures are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from bench.chat import Chat
from bench.goodput import good
from bench.measures import FAILURES_WORST, FIRST_CONTENT, ITL, SINCE_DUE, THROUGHPUT, Floats, Measure, Quality, attempt, measures
from bench.statistics.clusters import clustered_interval
from bench.statistics.drift import drift
from bench.statistics.estimates import Estimate, Pooled, rate_estimate, share_estimate
from bench.statistics.over_rounds import interval_over_rounds
from bench.statistics.quantiles import Interval, plain_quantile, quantile_interval
from bench.statistics.samples import Round, TooFewError, chats_of
from bench.statistics.shares import share_interval
from bench.summary.estimating import Take, chat_numbers, judged, quantile_of, rounds_of
from bench.summary.given import Given
from bench.summary.rates import chats_a_second, tokens_a_second
from bench.summary.sample import BlockSample, Sample
from bench.summary.shape import CONFIDENCE, Counts, Known, Lengths, Spread, TargetAtLevel, Trend
from bench.summary.trust import token_sources
from bench.summary.words import named, percent
from probes.failure import Reason

Made = TypeVar("Made")
QUANTILES = (0.5, 0.9, 0.95, 0.99)
_WITHOUT_FAILURES = frozenset({ITL.name, FIRST_CONTENT.name})
"""Measures that a chat may lack though nothing failed, or that tokens have: a failed chat has no place among these."""
MANY_CUT = 0.05
"""A share of chats that were cut off above which it is told."""
_TRENDS = (("ttft", 0.5), ("tpot", 0.5))


def target_at_level(sample: Sample, given: Given, *, level: str, arrivals: bool, answer_tokens: int) -> TargetAtLevel:
    """All numbers of the sample. `arrivals` says that its chats came when they were due."""
    attempts = sample.attempts
    known = [measure for measure in measures(answer_tokens) if arrivals or measure.name != SINCE_DUE.name]
    tokens = tokens_a_second(sample)
    timed = [chat for chat in sample.chats if chat.until_first_token_seconds is not None]
    return TargetAtLevel(
        target=sample.target,
        seconds=sample.seconds,
        counts=_counts(sample),
        failures=dict(Counter(chat.reason or "unknown" for chat in attempts if chat.outcome == "failed").most_common()),
        not_sent=_not_sent(given, level, sample.target),
        measures=dict(_spreads(sample, known)),
        success=_share(sample, lambda chat: chat.outcome == "ok"),
        goodput={slo.name: _share(sample, partial(good, slo=slo)) for slo in given.slos},
        throughput=_rate(tokens),
        requests_per_second=_rate(chats_a_second(sample)),
        input_tokens=_lengths([chat.input_tokens for chat in attempts if chat.outcome == "ok"]),
        output_tokens=_lengths([chat.output_tokens for chat in attempts if chat.outcome == "ok"]),
        doubtful=sum(chat.doubtful for chat in timed),
        gathered=sum(chat.gathered for chat in timed),
        user_clock=sum(chat.clock != "kernel" for chat in timed),
        token_sources=dict(token_sources(sample.chats)),
        drift=tuple(_trends(sample, known, tokens)),
    )


def cut_off(samples: Sequence[Sample]) -> Iterator[str]:
    """Of which engines so many chats were cut off that those that are left are no fair sample, or none."""
    for sample in samples:
        cut = sum(chat.outcome == "cut" for chat in sample.chats)
        if cut == len(sample.chats) and not sample.attempts:
            yield f"no chat with {sample.target} both began and ended in the measured time: measure for longer, or ask for shorter answers"
        elif cut > MANY_CUT * len(sample.chats):
            share = percent(cut / len(sample.chats))
            told = f"{share} of the chats with {sample.target} were cut off by the ends of blocks"
            yield f"{told}, the longest ones first: what is left leans towards short chats"


def _counts(sample: Sample) -> Counts:
    outcomes = Counter(chat.outcome for chat in sample.attempts)
    aside = [chat for chat in sample.chats if not attempt(chat)]
    return Counts(
        attempts=len(sample.attempts),
        ok=outcomes["ok"],
        failed=outcomes["failed"],
        unsent=outcomes["unsent"],
        cut=sum(chat.outcome == "cut" for chat in aside),
        warm_up=sum(chat.place.warm_up for part in sample.parts for chat in part.chats),
        unsteady=sum(part.unsteady for part in sample.parts),
        own_fault=sum(chat.reason == Reason.INTERNAL and chat.outcome != "cut" for chat in aside),
        loading=sum(chat.loaded and chat.outcome == "ok" for chat in aside),
    )


def _not_sent(given: Given, level: str, target: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in given.unsent:
        if each.target == target and each.block.level == level:
            found[each.reason.value] += each.count
    return dict(found)


def _spreads(sample: Sample, known: Sequence[Measure]) -> Iterator[tuple[str, Spread]]:
    for measure in known:
        plain = _spread(sample, measure, BlockSample.values)
        if not plain.chats and not sample.failed:
            continue
        yield measure.name, plain
        if measure.name not in _WITHOUT_FAILURES:
            yield measure.name + FAILURES_WORST, _spread(sample, measure, BlockSample.values_with_failures) if sample.failed else plain


def _spread(sample: Sample, measure: Measure, take: Take) -> Spread:
    rounds = rounds_of(sample, measure, take)
    values = np.concatenate([np.empty(0), *(one.values for one in rounds)])
    return Spread(
        unit=measure.unit,
        chats=chats_of(rounds),
        observations=len(values),
        mean=float(values.mean()) if len(values) and np.isfinite(values).all() else None,
        quantiles=dict(_quantiles(rounds, values)),
    )


def _quantiles(rounds: Sequence[Round], values: Floats) -> Iterator[tuple[float, Known]]:
    """Each quantile, with its interval within the run and the one over rounds."""
    chats, pooled = chat_numbers(rounds), _or_none(lambda: Pooled.of(rounds))
    for quantile in QUANTILES:
        try:
            within = quantile_interval(values, quantile, CONFIDENCE) if chats is None else clustered_interval(values, chats, quantile, CONFIDENCE)
        except TooFewError as error:
            yield quantile, Known(None, refused=str(error))
        else:
            yield quantile, _known(within, None if pooled is None else _or_none(partial(_over_rounds, pooled, quantile)))


def _over_rounds(pooled: Pooled, quantile: float) -> Interval:
    return interval_over_rounds(pooled.quantile(quantile), CONFIDENCE)


def _share(sample: Sample, judge: Callable[[Chat], bool]) -> Known:
    attempts = sample.attempts
    try:
        within = share_interval(sum(judge(chat) for chat in attempts), len(attempts), CONFIDENCE)
    except TooFewError as error:
        return Known(None, refused=str(error))
    return _known(within, _or_none(lambda: interval_over_rounds(share_estimate(judged(sample, judge)), CONFIDENCE)))


def _rate(parts: Floats) -> Known:
    """Of the mean over rounds; of 0, which has no logarithm, without an interval."""
    if not parts.size:
        return Known(None, refused="no time was measured")
    over = _or_none(lambda: interval_over_rounds(rate_estimate(parts), CONFIDENCE))
    if over is None:
        return Known(float(parts.mean()))
    return Known(over.value, over.low, over.high, over.low, over.high)


def _known(within: Interval, over: Interval | None) -> Known:
    if over is None:
        return Known(within.value, within.low, within.high)
    return Known(within.value, within.low, within.high, over.low, over.high)


def _or_none(made: Callable[[], Made]) -> Made | None:
    """None where the sample is too small for it."""
    try:
        return made()
    except TooFewError:
        return None


def _lengths(tokens: Sequence[int | None]) -> Lengths | None:
    known = np.sort(np.array([each for each in tokens if each is not None], dtype=np.float64))
    return Lengths(float(known.mean()), plain_quantile(known, 0.5), plain_quantile(known, 0.95)) if len(known) else None


def _trends(sample: Sample, known: Sequence[Measure], tokens: Floats) -> Iterator[Trend]:
    by_name = {measure.name: measure for measure in known}
    for name, quantile in _TRENDS:
        measure = by_name[name]
        per_round = [_middle(one.values) for one in rounds_of(sample, measure, BlockSample.values)]
        yield from _trend(measure, quantile, per_round, partial(quantile_of, sample, measure, quantile))
    yield from _trend(THROUGHPUT, None, [float(row.mean()) for row in tokens], partial(rate_estimate, tokens))


def _middle(values: Floats) -> float | None:
    return plain_quantile(np.sort(values), 0.5) if len(values) else None


def _trend(quality: Quality, quantile: float | None, per_round: Sequence[float | None], estimate: Callable[[], Estimate]) -> Iterator[Trend]:
    try:
        found = drift(estimate())
    except TooFewError:
        return
    if found is None:
        return
    name = named(quality.short, quantile)
    if found.seen:
        least, most = sorted((abs(found.low), abs(found.high)))
        sense = "rose" if found.change > 0 else "fell"
        words = f"{name} {sense} by {percent(abs(found.change))} from the first round to the last ({percent(least)} to {percent(most)})"
    elif found.uneven:
        words = f"{name} differed from round to round by more than chats do within one, without a direction"
    else:
        words = f"{name} was the same in all rounds, as far as can be seen"
    yield Trend(quality.name, quantile, tuple(per_round), found.seen, words)
