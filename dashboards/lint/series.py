"""What can be asked for: the catalogue's metrics, the engines' own, what is recorded, and a few others (`foreign`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from alerts import histograms, recordings
from catalogue import engines, own, pods, process, unified
from catalogue.metric import Metric
from dashboards.lint.foreign import FOREIGN

Kind = Literal["counter", "gauge", "recorded"]
JOB, INSTANCE, LE = recordings.JOB, "instance", histograms.LE
SCRAPED = (JOB, INSTANCE)
"""Labels that Prometheus gives to what it scrapes."""
_SLO_IDENTITY = (own.SLO, "sloth_id", "sloth_service", "sloth_slo")
_SLO_LABELS = (*recordings.ATTEMPTS.labels, *_SLO_IDENTITY)
_SLI = re.compile(re.escape(recordings.SLI_ERROR).replace(re.escape("{window}"), r"(?:\d+[smhdwy])+"))


@dataclass(frozen=True, slots=True)
class Series:
    """A name that a selector may have. `labels` None: any. `apart`: it is not of the exporter that the reader chose by `job` and `instance`."""

    name: str
    kind: Kind
    labels: frozenset[str] | None
    apart: bool = False

    def chosen_by(self, label: str) -> bool:
        """Whether a query must select it by the reader's choice of this label: recorded series add up over instances, and have none."""
        return not self.apart and (self.labels is None or label in self.labels)


def find(name: str) -> Series | None:
    """The series of this name, or None."""
    if _SLI.fullmatch(name):
        return _recorded(name, (*_SLO_LABELS, "sloth_window"))
    return known().get(name)


@cache
def known() -> dict[str, Series]:
    """All but those whose names have a window in them."""
    return {series.name: series for series in (*_scraped(), *_of_rules(), *_foreign())}


def _scraped() -> Iterator[Series]:
    for metric, apart in _metrics():
        yield from _of_metric(metric, apart)


def _metrics() -> Iterator[tuple[Metric, bool]]:
    """Every metric that the catalogue names or lists, and whether another exporter tells it, with a job and an instance of its own."""
    for module in (own, unified, process, engines, pods):
        apart = module is pods
        for value in vars(module).values():
            if isinstance(value, Metric):
                yield value, apart
            elif isinstance(value, tuple):
                yield from ((metric, apart) for metric in value if isinstance(metric, Metric))


def _of_metric(metric: Metric, apart: bool) -> Iterator[Series]:
    labels = frozenset((*SCRAPED, *metric.labels))
    if metric.type in ("counter", "gauge"):
        yield Series(metric.name, "counter" if metric.type == "counter" else "gauge", labels, apart)
        return
    if metric.type == "histogram":
        yield Series(metric.bucket, "counter", labels | {LE}, apart)
        yield Series(metric.name, "counter", labels, apart)  # as a native histogram
    else:  # a summary: its quantiles are gauges
        yield Series(metric.name, "gauge", labels, apart)
    yield Series(metric.sum, "counter", labels, apart)
    yield Series(metric.count, "counter", labels, apart)


def _of_rules() -> Iterator[Series]:
    yield from (_recorded(shared.name, shared.labels) for shared in recordings.SHARED)
    yield from (
        _recorded(name, _SLO_LABELS)
        for name in (recordings.CURRENT_BURN_RATE, recordings.PERIOD_BURN_RATE, recordings.BUDGET_REMAINING, recordings.PERIOD_MEASURED)
    )
    yield from (_recorded(name, _SLO_IDENTITY) for name in (recordings.OBJECTIVE, recordings.ERROR_BUDGET, recordings.PERIOD_DAYS))
    yield _recorded(recordings.INFO, (*_SLO_IDENTITY, "sloth_mode", "sloth_spec", "sloth_objective"))


def _recorded(name: str, labels: Iterable[str]) -> Series:
    return Series(name, "recorded", frozenset(labels))


def _foreign() -> Iterator[Series]:
    for one in FOREIGN:
        labels = None if one.labels is None else frozenset(one.labels)
        yield Series(one.name, one.kind, labels, apart=one.labels is None)
