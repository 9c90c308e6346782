"""What the time to first token was made of by the engine's own account, and whose requests the engine counted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.engine_side.accounts import Account
from bench.engine_side.case import Case
from bench.engine_side.notes import Told
from bench.statistics.quantiles import plain_quantile
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import amount, histogram

TAIL = 0.95
FEWEST_FOR_TAIL = 72
"""Chats from which on p95 has an interval at all; below it nothing is said of its parts."""
TOLD_OF = 0.8
"""The share of chats that an engine must have told of, so that what it told stands for all of them."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase before the first token. `share_of_tail` is its share of p95, between two bounds; None where not known.

    Where the engine tells of each chat, it is its share of the time that chats at p95 and above took, and the two bounds
    are one. Where it has a histogram, it is p95 of the phase, which lies between the bounds of a bucket, over p95 of TTFT.
    """

    mean_seconds: float
    share: float
    share_of_tail: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The mean TTFT and its parts; None for a part that the engine does not tell.

    The TTFT is the engine's own, or the client's where the engine has none. `prefill_by` is whether the prefill is told
    for each request, or for each pass over a batch of them.
    """

    ttft_seconds: float
    tail_seconds: float | None
    queue: Phase | None
    prefill: Phase | None
    prefill_by: str = "request"


def split(case: Case) -> Split | None:
    """What the TTFT of the chats that count was made of; None where the engine tells neither a queue nor a prefill."""
    told = [one for one in case.told_in_memory if one.prefill_seconds is not None]
    if told and len(told) >= TOLD_OF * len(case.ttfts):
        return _of_chats(told)
    queue, prefill, own = (case.observed(number) for number in (Number.QUEUE, Number.PREFILL, Number.TTFT))
    ttfts = case.ttfts_as_counted
    if (queue is None and prefill is None) or not ttfts:
        return None
    ttft_seconds = own.total / own.count if own else sum(ttfts) / len(ttfts)
    tail_seconds = tail(ttfts)
    requests = max(each.count for each in (queue, own, prefill) if each is not None)
    return Split(
        ttft_seconds=ttft_seconds,
        tail_seconds=tail_seconds,
        queue=_part(queue, ttft_seconds, tail_seconds),
        prefill=_part(prefill, ttft_seconds, tail_seconds),
        prefill_by="request" if prefill is None or prefill.count >= 0.95 * requests else "pass",
    )


def tail(values: Sequence[float]) -> float | None:
    """p95 of values that rise, as the summary has it; None of too few."""
    return plain_quantile(np.array(values), TAIL) if len(values) >= FEWEST_FOR_TAIL else None


def between(observed: Histogram, quantile: float) -> tuple[float, float]:
    """The bounds of the bucket that a quantile lies in."""
    place = bisect_left(observed.counts, quantile * observed.count)
    return (observed.bounds[place - 1] if place else 0.0), observed.bounds[place]


def _part(observed: Histogram | None, ttft_seconds: float, tail_seconds: float | None) -> Phase | None:
    if observed is None or ttft_seconds <= 0:
        return None
    mean = observed.total / observed.count
    if tail_seconds is None:
        return Phase(mean, min(1.0, mean / ttft_seconds))
    low, high = between(observed, TAIL)
    if low > tail_seconds:  # the engine counted others than these chats
        return Phase(mean, min(1.0, mean / ttft_seconds))
    return Phase(mean, min(1.0, mean / ttft_seconds), (low / tail_seconds, min(1.0, high / tail_seconds)))


def _of_chats(told: Sequence[Told]) -> Split | None:
    ttfts = sorted(one.ttft_seconds for one in told if one.ttft_seconds is not None)
    tail_seconds = tail(ttfts)
    whole = sum(ttfts)
    slowest = [one for one in told if tail_seconds is not None and one.ttft_seconds is not None and one.ttft_seconds >= tail_seconds]
    slow = sum(one.ttft_seconds or 0.0 for one in slowest)

    def part(of: Callable[[Told], float | None]) -> Phase | None:
        values = [value for one in told if (value := of(one)) is not None]
        if len(values) < len(told):
            return None
        of_tail = min(1.0, sum(of(one) or 0.0 for one in slowest) / slow) if slow else None
        return Phase(sum(values) / len(values), min(1.0, sum(values) / whole), None if of_tail is None else (of_tail, of_tail))

    if whole <= 0:
        return None
    return Split(
        whole / len(ttfts),
        tail_seconds,
        queue=part(lambda one: one.queue_seconds),
        prefill=part(lambda one: one.prefill_seconds),
    )


@dataclass(frozen=True, slots=True)
class Others:
    """Requests that the engine counted beyond those of the run. `basis` is what was counted."""

    counted: float
    ours: int
    strangers: float
    basis: str


def others(case: Case) -> Others | None:
    """Whose requests the engine counted in this level's blocks, warm-ups included; None where it does not tell.

    A chat of ours that had no first token may have been counted all the same, so such chats are taken for counted.
    """
    found = [one for account in case.accounts if (one := _others(account, case)) is not None]
    if not found:
        return None
    return Others(sum(one.counted for one in found), sum(one.ours for one in found), sum(one.strangers for one in found), found[0].basis)


def _others(account: Account, case: Case) -> Others | None:
    chats = [chat for chat in case.chats if chat.place.block == account.block.number and chat.outcome != "unsent"]
    first_tokens = histogram(account.whole, Number.TTFT)
    ended = amount(account.whole, Number.REQUESTS_SUCCEEDED)
    if first_tokens is not None:
        counted, ours, basis = first_tokens.count, sum(chat.ttft_seconds is not None for chat in chats), "first tokens"
        perhaps = len(chats) - ours
    elif ended is not None:
        counted, ours, basis = ended, sum(chat.outcome == "ok" for chat in chats), "answers"
        perhaps = len(chats) - ours
    else:
        return None
    return Others(counted, ours, max(0.0, counted - ours - perhaps), basis)


@dataclass(frozen=True, slots=True)
class Gap:
    """The mean TTFT of the same chats, as the client had it and as the engine had it."""

    client_seconds: float
    engine_seconds: float
    chats: int

    @property
    def seconds(self) -> float:
        return self.client_seconds - self.engine_seconds


SAME_WITHIN = 0.01
"""By which share the engine's count of first tokens may differ from ours, for its chats to be ours."""


def gap(case: Case) -> Gap | None:
    """How much later the client had first tokens than the engine, by the blocks in which the engine counted our chats alone.

    None where it does not tell, or others were there.
    """
    client, engine, number, counted = 0.0, 0.0, 0, 0.0
    for account in case.accounts:
        own = histogram(account.whole, Number.TTFT)
        ttfts = [chat.ttft_seconds for chat in case.chats if chat.place.block == account.block.number and chat.ttft_seconds is not None]
        if own is None or not ttfts or abs(own.count - len(ttfts)) > SAME_WITHIN * len(ttfts):
            continue
        client, engine, number, counted = client + sum(ttfts), engine + own.total, number + len(ttfts), counted + own.count
    return Gap(client / number, engine / counted, number) if number else None
