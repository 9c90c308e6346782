"""The alerts that go by samples: each looked at whenever one was taken, and kept from one look to the next as Prometheus keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from alerts.prober import BEYOND, LOST, OWN_FAULT, SATURABLE
from alerts.recordings import COMPARED_SECONDS
from alerts.targets import LOADS_SECONDS, NOT_LOADED_SECONDS, SECONDS_AGO, STALL_SECONDS
from catalogue import own, unified
from catalogue.metric import TARGET, TARGET_LABELS
from exporter.alarms import comparison, engines, prober, targets
from exporter.alarms.answering import Answers
from exporter.alarms.condition import Condition, Known
from exporter.alarms.holding import Holding, Phase
from exporter.alarms.samples import Labels, Read, Samples, Source, Wanted

CONDITIONS: tuple[Condition, ...] = (*targets.CONDITIONS, *comparison.CONDITIONS, *engines.CONDITIONS, *prober.CONDITIONS)
WANTED = (
    *map(Wanted, (own.PROBES, own.PROBE_FAILURES, own.GATHERED, own.UNWANTED_LOADS, own.MODEL_LOADED, own.MODEL_LOAD_FAILURES)),
    *map(Wanted, (own.GAP_CHATS, own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT)),
    *map(Wanted, (unified.REQUESTS_WAITING, unified.KV_CACHE_USAGE, unified.PREEMPTIONS)),
    *map(Wanted, (own.RELOAD_SUCCESSFUL, own.DISCOVERY_UP, own.MEASUREMENT_CLOCK)),
    Wanted(own.NATIVE_SERIES_DROPPED, only={own.REASON: LOST}),
    Wanted(own.PROBE_SKIPPED, only={own.REASON: (*OWN_FAULT, *targets.WHY_SKIPPED)}),
    Wanted(own.STALL, within=STALL_SECONDS),
    Wanted(own.PHASE_SECONDS, only={own.PHASE: ("wait",)}),
    *(Wanted(metric, within="all" if metric is own.TTFT else "last") for metric in SATURABLE),
)
LONGEST_SECONDS = max(NOT_LOADED_SECONDS, LOADS_SECONDS, BEYOND.window_seconds, COMPARED_SECONDS)
"""So far back the rules look."""


@dataclass(slots=True)
class Kept:
    """One alert that holds or is kept: its labels, and why it held last."""

    condition: Condition
    labels: Mapping[str, str]
    holding: Holding
    why: str = ""

    @property
    def phase(self) -> Phase:
        return self.holding.phase


class Evaluation:
    """All of them. Instants are on the monotonic clock."""

    def __init__(self, source: Source, read: Read) -> None:
        self._samples = Samples(source, WANTED, LONGEST_SECONDS, read)
        self._kept: tuple[dict[Labels, Kept], ...] = tuple({} for _ in CONDITIONS)
        self._by_target: Mapping[str | None, Sequence[Kept]] = {}

    def take(self, now: float, answers: Mapping[str, Answers], at: float) -> None:
        """Take a sample, and look at everything. `answers` are of each target at that instant, which is `at` seconds since the epoch."""
        self._samples.take(now)
        comparison.record(self._samples)
        known = Known(self._samples, answers, frozenset(name for name, one in answers.items() if one.succeeded_within(SECONDS_AGO, at)))
        chats, whole = (self._samples.gone(own.PROBES, by) for by in (own.CHAT_LABELS, TARGET_LABELS))
        for condition, kept in zip(CONDITIONS, self._kept, strict=True):
            by = condition.labels
            gone = chats if by[: len(own.CHAT_LABELS)] == own.CHAT_LABELS else whole if by[: len(TARGET_LABELS)] == TARGET_LABELS else set()
            _look(condition, kept, known, now, gone)
        by_target: dict[str | None, list[Kept]] = {}
        for one in chain.from_iterable(kept.values() for kept in self._kept):
            by_target.setdefault(one.labels.get(TARGET), []).append(one)
        self._by_target = by_target  # at once, as pages read it from another thread

    def targets(self) -> Collection[str | None]:
        """Those with alerts that hold or are kept; None where it is on chatprobe itself."""
        return self._by_target.keys()

    def of(self, target: str | None) -> Sequence[Kept]:
        """Those of a target that hold or are kept."""
        return self._by_target.get(target, ())


def _look(condition: Condition, kept: dict[Labels, Kept], known: Known, now: float, gone: set[Labels]) -> None:
    """Of what chatprobe has no more, which is `gone`, nothing is told (`alerts.standing`)."""
    found = {labels: why for labels, why in condition.holding(known) if not _is_of(labels, gone)}
    for labels, why in found.items():
        if labels not in kept:
            named = dict(zip(condition.labels, labels, strict=True))
            kept[labels] = Kept(condition, named, Holding(condition.alert.for_seconds, condition.alert.keep_seconds))
        kept[labels].why = why
    for labels, one in list(kept.items()):
        ends = condition.ends and one.labels[TARGET] in known.just_answered
        one.holding.evaluate(now, labels in found, ends=ends or _is_of(labels, gone))
        if one.phase == "quiet":
            del kept[labels]


def _is_of(labels: Labels, gone: set[Labels]) -> bool:
    return any(labels[: len(one)] == one for one in gone)
