"""Why one engine is better than another: which of its own phases the difference lies in, by the engines' own metrics.

Nothing is said where these do not tell it of both engines, or explain less than a quarter of the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from bench.engine_side.inside import Inside, PhaseTimes
from bench.engine_side.rules.capacity import FULL_SHARE, PUT_BACK_SHARE
from bench.statistics.quantiles import quantile_name
from bench.summary.shape import Cause, Comparison
from bench.summary.words import percent, span
from probes.wording import duration

EXPLAINS = 0.25
"""A part of the difference that is smaller than this is no cause of it."""
WIDEST_SPAN = 0.3
"""Bounds of a share that are further apart say too little: the means are told in their place."""
MEANS_ALIKE = 4.0
"""The means tell of a quantile where they differ by no more, and no less, than so many times as much as the quantiles do."""
WHOLE = 1.05
"""Above this the part is more than the difference: others are shorter, and make up for some of it."""
FURTHER = 0.1
"""Shares of two caches further apart than this are told, and batches that differ by more than this share."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A phase in a measure. `times` is how often the measure has it: a token's phase as often as there are tokens."""

    phase: str
    verb: str
    what: str
    times: float = 1.0


_QUEUE = _Part("queue", "waits", "in its queue")
_PREFILL = _Part("prefill", "takes", "for the prefill")
_PATH = _Part("path", "takes", "from its first token to the client's")
_TOKEN = _Part("token", "takes", "for each token by its own account")
_DECODE = _Part("decode", "takes", "to decode an answer by its own account")


@dataclass(frozen=True, slots=True)
class _Difference:
    """What is to be explained: how many seconds the slower engine is behind, at a quantile and on average."""

    comparison: Comparison
    slower: Inside
    faster: Inside
    at_quantile: float
    on_average: float


def with_causes(comparisons: Sequence[Comparison], insides: Sequence[Inside], answer_tokens: int) -> tuple[Comparison, ...]:
    """The comparisons that have a winner with the causes of that, the largest first."""
    known = {(inside.target, inside.level): inside for inside in insides}
    return tuple(replace(one, causes=_causes(one, known, answer_tokens)) for one in comparisons)


def _causes(one: Comparison, known: Mapping[tuple[str, str], Inside], answer_tokens: int) -> tuple[Cause, ...]:
    if one.winner is None:
        return ()
    loser = one.b if one.winner == one.a else one.a
    slower, faster = known.get((loser, one.level)), known.get((one.winner, one.level))
    if slower is None or faster is None:
        return ()
    if one.measure == "success":
        return tuple(_refused(one, slower, faster))
    difference = _difference(one, slower, faster, answer_tokens)
    found = [cause for part in _parts(one, answer_tokens) if (cause := _cause(difference, part))] if difference else []
    return tuple(sorted(found, key=lambda cause: -cause.share_low))


def _parts(one: Comparison, answer_tokens: int) -> tuple[_Part, ...]:
    """The phases of which the measure is made."""
    parts: Mapping[str, tuple[_Part, ...]] = {
        "ttft": (_QUEUE, _PREFILL, _PATH),
        "tpot": (_TOKEN,),
        "answer": (_QUEUE, _PREFILL, replace(_TOKEN, times=answer_tokens - 1)),
        "e2e": (_QUEUE, _PREFILL, _DECODE),
    }
    return parts.get(one.measure, ())


def _difference(one: Comparison, slower: Inside, faster: Inside, answer_tokens: int) -> _Difference | None:
    """None where it is not known on average too, or where there it is another one, by its sense or its size."""
    means = _mean(slower, one.measure, answer_tokens), _mean(faster, one.measure, answer_tokens)
    values = (one.b_value, one.a_value) if one.winner == one.a else (one.a_value, one.b_value)
    if None in (*means, *values):
        return None
    at_quantile, on_average = (float(late or 0.0) - float(soon or 0.0) for late, soon in (values, means))
    if not isfinite(at_quantile) or at_quantile <= 0 or not at_quantile / MEANS_ALIKE <= on_average <= at_quantile * MEANS_ALIKE:
        return None
    return _Difference(one, slower, faster, at_quantile, on_average)


def _mean(inside: Inside, measure: str, answer_tokens: int) -> float | None:
    match measure:
        case "ttft":
            return inside.ttft_seconds_mean
        case "tpot":
            return inside.tpot_seconds_mean
        case "e2e":
            return inside.e2e_seconds_mean
        case "answer" if inside.ttft_seconds_mean is not None and inside.tpot_seconds_mean is not None:
            return inside.ttft_seconds_mean + (answer_tokens - 1) * inside.tpot_seconds_mean
    return None


def _cause(difference: _Difference, part: _Part) -> Cause | None:
    slower, faster = difference.slower.phases.get(part.phase), difference.faster.phases.get(part.phase)
    if slower is None or faster is None:
        return None
    return _at_quantile(difference, part, slower, faster) or _on_average(difference, part, slower, faster)


def _at_quantile(difference: _Difference, part: _Part, slower: PhaseTimes, faster: PhaseTimes) -> Cause | None:
    quantile = difference.comparison.quantile
    late, soon = slower.quantiles.get(quantile or 0.0), faster.quantiles.get(quantile or 0.0)
    if quantile is None or late is None or soon is None or part.times != 1:
        return None
    low, high = (late[0] - soon[1]) / difference.at_quantile, (late[1] - soon[0]) / difference.at_quantile
    if low < EXPLAINS or high - low > WIDEST_SPAN:
        return None
    told = _beside(difference, part, _between(late), _between(soon), f" at {quantile_name(quantile)}")
    return Cause(
        part=part.phase,
        share_low=low,
        share_high=high,
        words=f"{told}: {_share(low, high)} of the difference{_more(difference, part)}",
        figures={
            "difference_seconds": difference.at_quantile,
            "slower_seconds_low": late[0], "slower_seconds_high": late[1], "faster_seconds_low": soon[0], "faster_seconds_high": soon[1],
        },
    )  # fmt: skip


def _on_average(difference: _Difference, part: _Part, slower: PhaseTimes, faster: PhaseTimes) -> Cause | None:
    share = (slower.mean_seconds - faster.mean_seconds) * part.times / difference.on_average
    if share < EXPLAINS:
        return None
    told = _beside(difference, part, duration(slower.mean_seconds), duration(faster.mean_seconds), " on average")
    whole = f"the difference of the means, {duration(difference.on_average)}"
    return Cause(
        part=part.phase,
        share_low=share,
        share_high=share,
        words=f"{told}: {_share(share, share)} of {whole}{_more(difference, part)}",
        figures={
            "difference_seconds_mean": difference.on_average, "slower_seconds_mean": slower.mean_seconds, "faster_seconds_mean": faster.mean_seconds,
        },
    )  # fmt: skip


def _beside(difference: _Difference, part: _Part, slower: str, faster: str, where: str) -> str:
    return f"{difference.slower.target} {part.verb} {slower} {part.what}{where} where {difference.faster.target} {part.verb} {faster}"


def _between(bounds: tuple[float, float]) -> str:
    low, high = bounds
    if low == high:
        return duration(low)
    return f"at most {duration(high)}" if low == 0 else f"{duration(low)} to {duration(high)}"


def _share(low: float, high: float) -> str:
    if low > WHOLE:
        return "more than the whole"
    return percent(min(low, 1.0)) if low == high else span(low, min(high, 1.0))


def _more(difference: _Difference, part: _Part) -> str:
    """What else the engines tell that goes with it, where the slower one is worse in it."""
    slower, faster = difference.slower, difference.faster
    return "".join(f"; {words}" for phases, words in _beside_it(slower, faster) if part.phase in phases)


def _beside_it(slower: Inside, faster: Inside) -> Iterator[tuple[tuple[str, ...], str]]:
    full, other_full = slower.cache_full_share, faster.cache_full_share
    if full is not None and other_full is not None and full >= FULL_SHARE > other_full:
        yield ("queue",), f"its KV cache was nearly full in {percent(full)} of the looks, that of {faster.target} in {percent(other_full)}"
    hits, other_hits = slower.cache_hit_ratio, faster.cache_hit_ratio
    if hits is not None and other_hits is not None and other_hits - hits > FURTHER:
        yield ("prefill",), f"{percent(hits)} of its prompt tokens were in its prefix cache, of those of {faster.target} {percent(other_hits)}"
    ran, other_ran = slower.running_mean, faster.running_mean
    if ran is not None and other_ran is not None and ran > other_ran * (1 + FURTHER):
        yield ("token", "decode"), f"{ran:.3g} requests were in its batch on average, in that of {faster.target} {other_ran:.3g}"
    again, other_again = slower.preemptions_per_chat, faster.preemptions_per_chat
    if again is not None and other_again is not None and again >= PUT_BACK_SHARE > other_again:
        yield ("queue", "token", "decode"), f"it put requests back and computed them again {again:.2g} times a chat"


def _refused(one: Comparison, worse: Inside, better: Inside) -> Iterator[Cause]:
    refused, other, difference = worse.refused_share, better.refused_share, one.difference
    if refused is None or other is None or difference is None or not difference.value:
        return
    share = (refused - other) / abs(difference.value)
    if share >= EXPLAINS:
        told = f"{worse.target} refused {percent(refused)} of its chats because too many others were there, {better.target} {percent(other)}"
        yield Cause(
            part="refused",
            share_low=share,
            share_high=share,
            words=f"{told}: {_share(share, share)} of the difference",
            figures={"worse_refused_share": refused, "better_refused_share": other},
        )
