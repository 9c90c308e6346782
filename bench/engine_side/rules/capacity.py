"""Rules on what an engine can hold: its batch, its KV cache, its queue."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.summary.words import percent
from probes.numbers.number import Number
from probes.wording import counted

FULL = 0.9
"""A cache that is always as full as it can be is not quite so at each look: what ends makes room until the next begins."""
FULL_SHARE = 0.1
LIMIT_SHARE = 0.5
NEARLY = 0.9
"""Of the most that ever ran: a batch loses some requests and takes on others between two looks."""
FEWEST_LOOKS = 5
PUT_BACK_SHARE = 0.01
REFUSED_SHARE = 0.01


def fullest(case: Case) -> float | None:
    """The highest usage of the KV cache that was seen, from 0 to 1; None where it is not told."""
    return max((look.kv_cache_usage_ratio for look in case.looks if look.kv_cache_usage_ratio is not None), default=None)


def cache_is_full(case: Case) -> bool:
    """Whether the KV cache bounded what ran: it was seen full, or requests were put back, which happens for no other reason."""
    return _full(case) is not None or _put_back(case) is not None


def full_share(case: Case) -> float | None:
    """The share of looks that saw the KV cache nearly full; None of too few looks."""
    usages = [look.kv_cache_usage_ratio for look in case.looks if look.kv_cache_usage_ratio is not None]
    return sum(usage >= FULL for usage in usages) / len(usages) if len(usages) >= FEWEST_LOOKS else None


def _full(case: Case) -> Fact | None:
    share, most = full_share(case), fullest(case)
    if share is None or most is None or share < FULL_SHARE:
        return None
    knobs = case.knobs
    more = f"more memory for it ({knobs.cache}), " if knobs.cache else ""
    return Fact(
        words=f"the KV cache is at least {percent(FULL)} full in {percent(share)} of the looks",
        short=percent(share),
        figures={"looks_share": share, "usage_ratio_max": most},
        advice=f"{more}shorter contexts, or more replicas",
    )


def _put_back(case: Case) -> Fact | None:
    count = case.counted(Number.PREEMPTIONS)
    chats = sum(chat.counts and chat.outcome != "unsent" for chat in case.chats)
    if count is None or not chats or count < max(1, PUT_BACK_SHARE * chats):
        return None
    knobs, often = case.knobs, counted(round(count), "time")
    ways = [f"more memory for the KV cache ({knobs.cache})" if knobs.cache else "more memory for the KV cache"]
    ways += [f"a smaller {knobs.batch}"] if knobs.batch else []
    ways += [f"a higher {knobs.caution}"] if knobs.caution else []
    return Fact(
        words=f"the engine put requests back {often} as the KV cache was full, {count / chats:.2g} a chat, and computed them again,",
        short=often,
        figures={"preemptions": count, "chats": float(chats), "preemptions_per_chat": count / chats},
        advice=", or ".join(ways),
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """Of the looks at which requests waited, the share at which nearly as many ran as ever did at this level: `most`."""

    share: float
    most: float
    looks: int

    @property
    def held(self) -> bool:
        return self.looks >= FEWEST_LOOKS and self.share >= LIMIT_SHARE


def at_limit(case: Case) -> Limit | None:
    """Whether the batch ran into its limit, by each replica's own most; None where running or waiting is not told."""
    looks = [(look.replica, look.running, look.waiting) for look in case.looks if look.running is not None and look.waiting is not None]
    if not looks:
        return None
    most: defaultdict[str | None, float] = defaultdict(float)
    for replica, running, _ in looks:
        most[replica] = max(most[replica], running)
    queueing = [running >= NEARLY * most[replica] for replica, running, waiting in looks if waiting > 0]
    return Limit(sum(queueing) / len(queueing) if queueing else 0.0, max(most.values()), len(queueing))


def _batch(case: Case) -> Fact | None:
    limit = at_limit(case)
    if limit is None or not limit.held or limit.most <= 0 or cache_is_full(case):
        return None
    knob = case.knobs.batch
    larger = f"a larger {knob} where memory allows, or more replicas" if knob else "more replicas"
    return Fact(
        words=f"the batch stays at {limit.most:g} while requests wait, in {percent(limit.share)} of the looks that see a queue,",
        short=f"{limit.most:g}",
        figures={"running_max": limit.most, "looks_share": limit.share, "looks_with_queue": float(limit.looks)},
        advice=larger,
    )


def _refused(case: Case) -> Fact | None:
    count = case.counted(Number.REQUESTS_REJECTED)
    chats = sum(chat.counts and chat.outcome != "unsent" for chat in case.chats)
    if count is None or not chats or count < max(1, REFUSED_SHARE * chats):
        return None
    knob = case.knobs.queue
    longer = f", or a larger {knob} if waiting is better than a refusal" if knob else ""
    return Fact(
        words=f"the engine refused {counted(round(count), 'request')} because too many others were there",
        short=counted(round(count), "request"),
        figures={"refused": count, "chats": float(chats)},
        advice=f"more replicas or less load{longer}",
    )


RULES = (
    Rule(
        name="kv_cache_full",
        kind="cause",
        needs="the usage of its KV cache",
        known=lambda case: fullest(case) is not None,
        look=_full,
        fact="the share of looks that saw the KV cache nearly full",
        limit=f"usage of {percent(FULL)} in {percent(FULL_SHARE)} of at least {FEWEST_LOOKS} looks",
        remedy="more memory for the KV cache, shorter contexts, more replicas",
    ),
    Rule(
        name="preemptions",
        kind="cause",
        needs="how often it put requests back",
        known=lambda case: case.counted(Number.PREEMPTIONS) is not None,
        look=_put_back,
        fact="how often running requests were put back and computed again",
        limit=f"once for each {1 / PUT_BACK_SHARE:.0f} chats",
        remedy="more memory for the KV cache, a smaller batch, more caution at admission",
    ),
    Rule(
        name="batch_at_limit",
        kind="cause",
        needs="how many requests run and wait",
        known=lambda case: at_limit(case) is not None,
        look=_batch,
        fact=f"at least {percent(NEARLY)} of the requests ran that ever ran at once, while others waited",
        limit=f"{percent(LIMIT_SHARE)} of the looks that saw a queue, at least {FEWEST_LOOKS} of them, and a KV cache that was not full",
        remedy="a larger batch where memory allows, more replicas",
    ),
    Rule(
        name="refused",
        kind="cause",
        needs="how many requests it refused",
        known=lambda case: case.counted(Number.REQUESTS_REJECTED) is not None,
        look=_refused,
        fact="requests that were refused because too many others were there",
        limit=f"{percent(REFUSED_SHARE)} of the chats, at least one",
        remedy="more replicas, less load, a longer queue",
    ),
)
