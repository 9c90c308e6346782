"""To what share of itself a number of a running level is known so far: what progress tells, and what `--until` asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from bench.chat import Chat
from bench.measures import ITL, Measure, Values, attempt, values_of, values_with_failures
from bench.statistics.estimates import quantile_estimate
from bench.statistics.over_rounds import known_to
from bench.statistics.samples import Round

_BLOCK_APART_SECONDS = 1e6
"""What stands between two blocks of a round here: only the order of their chats matters."""


def known(chats: Sequence[Chat], measure: Measure, quantile: float, confidence: float = 0.95) -> float:
    """0.03 for ±3 %: the half-width of the interval over rounds of one target's quantile, by its chats at one level.

    As in comparisons, chats that failed are the worst; of ITL they have the gaps that they gave. Raises
    `bench.statistics.samples.TooFewError`.
    """
    rounds = _rounds([chat for chat in chats if attempt(chat)], measure)
    if measure.lower_is_better:
        return known_to(quantile_estimate(rounds, quantile), confidence)
    # a rate's low quantile is the high one of its inverse, in which a failure is infinite
    return known_to(quantile_estimate([_turned(one) for one in rounds], 1 - quantile), confidence)


def _rounds(attempts: Sequence[Chat], measure: Measure) -> list[Round]:
    by_round: defaultdict[int, defaultdict[int, list[Chat]]] = defaultdict(lambda: defaultdict(list))
    for chat in attempts:
        by_round[chat.place.round][chat.place.block].append(chat)
    return [_round(by_round[number], measure) for number in sorted(by_round)]


def _round(blocks: Mapping[int, Sequence[Chat]], measure: Measure) -> Round:
    take = values_of if measure.name == ITL.name else values_with_failures
    found: list[Values] = [take(measure, blocks[number]) for number in sorted(blocks)]
    values = np.concatenate([one.values for one in found])
    since = np.concatenate([one.since_seconds + place * _BLOCK_APART_SECONDS for place, one in enumerate(found)])
    if measure.name != ITL.name:
        return Round(values, since)
    first = np.cumsum([0, *(len(blocks[number]) for number in sorted(blocks))])
    return Round(values, since, np.concatenate([one.chats + before for one, before in zip(found, first[:-1], strict=True)]))


def _turned(one: Round) -> Round:
    with np.errstate(divide="ignore"):
        return Round(1 / one.values, one.since_seconds, one.chats)
