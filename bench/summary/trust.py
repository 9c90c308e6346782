"""Whether chatprobe itself was well while it measured. Where it was not, the run has numbers and no verdict.

Each check has a number and a limit. `docs/summary.md` lists them; a test compares the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from bench.chat import Chat
from bench.level import Measured
from bench.measures import E2E, TTFT, Measure
from bench.summary.given import Given
from bench.summary.sample import Sample
from bench.summary.shape import Check, Trust
from bench.summary.words import percent
from config.load import ClosedLoop
from probes.failure import Reason
from probes.wording import counted, duration

LATE = 0.10
"""Where chats are due, this share of TTFT: later ones meet another queue than was asked for. Where users wait for their
answers, this share of E2E: a user who chats again later makes so much less load.
"""
LATE_SECONDS = 0.020
"""Lateness below this is none, however fast the engine is."""
RARE = 0.05
"""A share of an engine's chats below which a token source is taken for an exception."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A check by its name: what is counted, and how much of it is allowed."""

    name: str
    most: float
    counted: str


LATE_STARTS = Limit(
    "late_starts", LATE, "p99 of how late chats started, against the level's shortest median TTFT; of E2E, where users wait for their answers"
)
DOUBTFUL = Limit("doubtful", 0.05, "share of chats whose timings may be off by more than 1 ms")
USER_CLOCK = Limit("user_clock", 0.01, "share of chats with instants that are not the kernel's")
GATHERED = Limit("gathered", 0.05, "share of chats whose tokens something on the way gathered")
OWN_FAULT = Limit("own_fault", 0.01, "share of chats that failed by chatprobe's own fault")
NOT_SENT = Limit("not_sent", 0.01, "share of chats that were due and not sent, for no fault of the engine's")
LOOP_LAG = Limit("loop_lag", LATE, "p99 of how late chatprobe's own event loop was, against the shortest median E2E of the run")
"""Ends of chats are noticed on that loop, so that users come back later by so much, which no chat's own lateness tells."""
CLOCK_STEPS = Limit("clock_steps", 0.01, "share of chats that were under way when the machine's clock was set")
"""Until a step is noticed, the kernel's stamps are off by it. As many such chats are allowed as instants of another clock."""
LOST_RECORDS = Limit("lost_records", 0, "records that could not be kept")
LACKING = Limit("lacking", 0, "other things that the results lack, as files that are shorter than they were")
OTHER_MODEL = Limit("other_model", 0, "chats with another model than was to be measured")
TOKEN_SOURCES = Limit("token_sources", 1, "sources of token counts among the engines: `usage` of one does not compare with `chunks` of another")
LIMITS = (LATE_STARTS, DOUBTFUL, USER_CLOCK, GATHERED, OWN_FAULT, NOT_SENT, LOOP_LAG, CLOCK_STEPS, LOST_RECORDS, LACKING, OTHER_MODEL, TOKEN_SOURCES)


def trust(given: Given, samples: Mapping[str, Sequence[Sample]]) -> Trust:
    """What the checks say. `samples` are those of each level, by its name."""
    checks = tuple(
        chain(
            *(_of_level(given, measured, samples[measured.level.name]) for measured in given.measured),
            _of_run(given, [sample for level in samples.values() for sample in level]),
        )
    )
    return Trust(all(check.well for check in checks), tuple(check.words for check in checks if not check.well), checks)


def _of_level(given: Given, measured: Measured, samples: Sequence[Sample]) -> Iterator[Check]:
    level = measured.level.name
    for sample in samples:
        sent = [chat for chat in sample.chats if chat.outcome != "unsent"]
        if not sent:
            continue
        yield _late_starts(level, sample.target, sent, _limit_seconds(samples, E2E if _users(measured, sample.target) else TTFT))
        timed = [chat for chat in sent if chat.until_first_token_seconds is not None]
        yield _share(DOUBTFUL, level, sample.target, sum(chat.doubtful for chat in timed), len(timed))
        yield _share(USER_CLOCK, level, sample.target, sum(chat.clock != "kernel" for chat in timed), len(timed))
        yield _share(GATHERED, level, sample.target, sum(chat.gathered for chat in timed), len(timed))
        yield _share(OWN_FAULT, level, sample.target, sum(chat.reason == Reason.INTERNAL for chat in sent), len(sent))
        skipped = sum(each.count for each in given.unsent if each.block.level == level and each.target == sample.target)
        yield _share(NOT_SENT, level, sample.target, skipped, len(sent) + skipped)


def _of_run(given: Given, samples: Sequence[Sample]) -> Iterator[Check]:
    yield from _of_health(given.health, samples)
    lost = given.lost_records
    yield Check(LOST_RECORDS.name, None, None, lost, LOST_RECORDS.most, lost <= LOST_RECORDS.most, f"{counted(lost, 'record')} could not be kept")
    lacking = len(given.lacking)
    yield Check(LACKING.name, None, None, lacking, LACKING.most, lacking <= LACKING.most, "; ".join(given.lacking) or "nothing is lacking")
    for target in given.targets:
        yield _other_model(given, target, [chat for sample in samples if sample.target == target for chat in sample.chats])
    sources = {target: token_sources(chat for sample in samples if sample.target == target for chat in sample.chats) for target in given.targets}
    yield _token_sources({target: usual for target, counts in sources.items() if (usual := _usual(counts))})


def _of_health(health: Mapping[str, object], samples: Sequence[Sample]) -> Iterator[Check]:
    """Nothing of a run that nobody looked after, as of records from elsewhere."""
    lags, steps, seconds = health.get("loop_lag_seconds"), health.get("clock_steps"), health.get("seconds")
    lag = lags.get("p99") if isinstance(lags, Mapping) else None
    if isinstance(lag, int | float):
        limit = _limit_seconds(samples, E2E)
        words = f"chatprobe's own event loop was late: p99 {duration(lag)}, limit {duration(limit)}"
        yield Check(LOOP_LAG.name, None, None, lag, limit, lag <= limit, words)
    if isinstance(steps, int) and isinstance(seconds, int | float) and seconds > 0:
        longest = max((each for sample in samples if (each := _mean_seconds(sample)) is not None), default=0.0)
        share = min(1.0, steps * longest / seconds)
        often = f"the machine's clock was set {counted(steps, 'time')} while it measured"
        words = f"{often}: {percent(share)} of the chats were under way then, limit {percent(CLOCK_STEPS.most)}"
        yield Check(CLOCK_STEPS.name, None, None, share, CLOCK_STEPS.most, share <= CLOCK_STEPS.most, words)


def _mean_seconds(sample: Sample) -> float | None:
    found = [chat.e2e_seconds for chat in sample.attempts if chat.e2e_seconds is not None]
    return float(np.mean(found)) if found else None


def token_sources(chats: Iterable[Chat]) -> Counter[str]:
    """How many of the chats that succeeded have their output tokens from which source."""
    return Counter(chat.token_source for chat in chats if chat.outcome == "ok" and chat.token_source is not None)


def _usual(counts: Counter[str]) -> set[str]:
    return {source for source, count in counts.items() if count > RARE * counts.total()}


def _users(measured: Measured, target: str) -> bool:
    """Whether its users wait for their answers, so that none of its chats is due at an instant of its own."""
    return isinstance(measured.level.loads.get(target), ClosedLoop)


def _limit_seconds(samples: Sequence[Sample], against: Measure) -> float:
    medians = [float(np.median(found)) for sample in samples if (found := [v for c in sample.attempts if (v := against.of(c)) is not None])]
    return max(LATE_SECONDS, LATE * min(medians, default=0.0))


def _late_starts(level: str, target: str, sent: Sequence[Chat], limit: float) -> Check:
    lag = float(np.quantile([chat.lag_seconds for chat in sent], 0.99, method="inverted_cdf"))
    words = f"chats with {target} started late at {level}: p99 {duration(lag)}, limit {duration(limit)}"
    return Check(LATE_STARTS.name, level, target, lag, limit, lag <= limit, words)


def _share(limit: Limit, level: str, target: str, count: int, of: int) -> Check:
    share = count / of if of else 0.0
    words = f"{target} at {level}: {percent(share)} ({count:,} of {of:,}), limit {percent(limit.most)}: {limit.counted}"
    return Check(limit.name, level, target, share, limit.most, share <= limit.most, words)


def _other_model(given: Given, target: str, chats: Sequence[Chat]) -> Check:
    counts = Counter(chat.model for chat in chats if chat.model)
    asked = given.models.get(target) or next((model for model, _ in counts.most_common(1)), "")
    others = counts.total() - counts[asked]
    named = ", ".join(sorted(model for model in counts if model != asked)) or "none"
    words = f"{counted(others, 'chat')} with {target} {'was' if others == 1 else 'were'} with another model ({named}) than {asked}"
    return Check(OTHER_MODEL.name, None, target, others, OTHER_MODEL.most, others <= OTHER_MODEL.most, words)


def _token_sources(usual: Mapping[str, set[str]]) -> Check:
    found = len(set(chain(*usual.values())))
    told = "; ".join(f"{target}: {' and '.join(sorted(sources))}" for target, sources in usual.items())
    words = f"the engines' tokens were not counted alike ({told}), so that what is made of them does not compare"
    return Check(TOKEN_SOURCES.name, None, None, found, TOKEN_SOURCES.most, found <= TOKEN_SOURCES.most, words)
