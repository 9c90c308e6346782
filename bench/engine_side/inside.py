"""What went on inside an engine at one level, in the times and shares in which it can be put beside another engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from pydantic import TypeAdapter

from bench.engine_side.case import Case, cases
from bench.engine_side.notes import Notes, Told
from bench.engine_side.phases import TOLD_OF, between, gap
from bench.engine_side.rules.cache import hit_ratio
from bench.engine_side.rules.capacity import full_share
from bench.engine_side.rules.circumstances import strangers
from bench.engine_side.rules.decode import batch
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number

QUANTILES = {0.5: 6, 0.95: 72, 0.99: 368}
"""Those that are told of each phase, and of how many chats at least: with fewer a quantile has no interval of 95 %."""
SAME_REQUESTS = 0.95
"""A prefill that is told for fewer requests than this share is one of a whole batch, and no request's own."""


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """How long a phase took. `quantiles` are between two bounds, which are one where the engine tells of each chat."""

    mean_seconds: float
    quantiles: Mapping[float, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """One target at one level. What is not known is None, or not in `phases`.

    The first three are the client's own means. `phases` are by their names: `queue`, `prefill` and `path` (from the
    engine to the client) before the first token, `token` for each token after it, `decode` for all of these.
    `running_mean` is how many requests were in the batch, `cache_full_share` the share of looks that saw the KV cache
    nearly full, `cache_hit_ratio` the share of prompt tokens that were in the prefix cache, `refused_share` that of
    chats that the engine turned away.
    """

    target: str
    level: str
    ttft_seconds_mean: float | None = None
    tpot_seconds_mean: float | None = None
    e2e_seconds_mean: float | None = None
    phases: Mapping[str, PhaseTimes] = field(default_factory=dict)
    running_mean: float | None = None
    cache_full_share: float | None = None
    cache_hit_ratio: float | None = None
    preemptions_per_chat: float | None = None
    refused_share: float | None = None

    def to_json(self) -> dict[str, object]:
        """One of `engine_side` in `summary.json`."""
        return asdict(self) | {"phases": {name: _phase_to_json(times) for name, times in self.phases.items()}}


_INSIDE = TypeAdapter(Inside)


def from_json(written: Mapping[str, Any]) -> Inside:
    """What `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        phases = {name: _phase_from_json(times) for name, times in written["phases"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"engine_side: is none of an engine ({error})") from error
    return _INSIDE.validate_python({**written, "phases": phases})


def insides(notes: Notes) -> tuple[Inside, ...]:
    """Each target at each level at which chats of it count."""
    return tuple(inside(case) for case in cases(notes) if any(chat.counts for chat in case.chats))


def inside(case: Case) -> Inside:
    """Where others used the engine too, what it tells of all requests together says nothing of our chats, and is left out."""
    counting = [chat for chat in case.chats if chat.counts]
    e2es = [chat.e2e_seconds for chat in counting if chat.outcome == "ok" and chat.e2e_seconds is not None]
    alone = strangers(case) is None
    sent = sum(chat.outcome != "unsent" for chat in counting)
    return Inside(
        target=case.target,
        level=case.level,
        ttft_seconds_mean=_mean(case.ttfts_as_counted or case.ttfts),
        tpot_seconds_mean=_mean(case.tpots),
        e2e_seconds_mean=_mean(e2es),
        phases=dict(_phases(case, alone=alone)),
        running_mean=batch(case) if alone else None,
        cache_full_share=full_share(case) if alone else None,
        cache_hit_ratio=hit_ratio(case) if alone else None,
        preemptions_per_chat=_of_chats(case, Number.PREEMPTIONS, sent) if alone else None,
        refused_share=_of_chats(case, Number.REQUESTS_REJECTED, sent) if alone else None,
    )


def _phases(case: Case, *, alone: bool) -> Iterator[tuple[str, PhaseTimes]]:
    of_chats = dict(_told_of_chats(case))
    yield from of_chats.items()
    if not alone:
        return
    queue, prefill, own = (case.observed(number) for number in (Number.QUEUE, Number.PREFILL, Number.TTFT))
    requests = max((each.count for each in (queue, own, prefill) if each is not None), default=0.0)
    if prefill is not None and prefill.count < SAME_REQUESTS * requests:
        prefill = None
    observed = {"queue": queue, "prefill": prefill, "token": case.observed(Number.TPOT), "decode": case.observed(Number.DECODE)}
    yield from ((name, _of_histogram(found)) for name, found in observed.items() if found is not None and name not in of_chats)
    path = gap(case)
    if path is not None:
        yield "path", PhaseTimes(max(0.0, path.seconds))


def _told_of_chats(case: Case) -> Iterator[tuple[str, PhaseTimes]]:
    """Phases that the engine tells of each chat, if it tells them of nearly all."""
    parts: Mapping[str, Callable[[Told], float | None]] = {"queue": lambda one: one.queue_seconds, "prefill": lambda one: one.prefill_seconds}
    for name, of in parts.items():
        values = sorted(value for one in case.told_in_memory if (value := of(one)) is not None)
        if values and len(values) >= TOLD_OF * len(case.ttfts):
            exact = {share: values[math.ceil(share * len(values)) - 1] for share, fewest in QUANTILES.items() if len(values) >= fewest}
            yield name, PhaseTimes(fmean(values), {share: (value, value) for share, value in exact.items()})


def _of_histogram(observed: Histogram) -> PhaseTimes:
    found = {share: between(observed, share) for share, fewest in QUANTILES.items() if observed.count >= fewest}
    return PhaseTimes(observed.total / observed.count, {share: bounds for share, bounds in found.items() if math.isfinite(bounds[1])})


def _of_chats(case: Case, number: Number, chats: int) -> float | None:
    count = case.counted(number)
    return count / chats if count is not None and chats else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _phase_to_json(times: PhaseTimes) -> dict[str, object]:
    return {"mean_seconds": times.mean_seconds, "quantiles": [[share, *bounds] for share, bounds in times.quantiles.items()]}


def _phase_from_json(written: Mapping[str, Any]) -> PhaseTimes:
    return PhaseTimes(written["mean_seconds"], {share: (low, high) for share, low, high in written["quantiles"]})
