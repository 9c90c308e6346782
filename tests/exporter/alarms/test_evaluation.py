"""What the page makes of the situations that the rules are tested with: promtool says in `tests/alerts` that the rules fire as each case has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from math import inf

import pytest

from alerts.rules import rules
from catalogue import own
from catalogue.metric import Metric
from exporter.alarms.answering import Answers, Patience, answers
from exporter.alarms.evaluation import CONDITIONS, Evaluation
from exporter.alarms.samples import Labels, Present
from exporter.web.pages.standing import Counted
from tests.alerts import test_comparison, test_engines, test_prober, test_targets
from tests.alerts.cases import Case
from tests.alerts.promtool import config, needed
from tests.alerts.series import OTHER_INSTANCE, Story

BY_SAMPLES = frozenset(condition.alert.name for condition in CONDITIONS)
CASES = [case for module in (test_targets, test_comparison, test_engines, test_prober) for case in module.CASES if case.alert in BY_SAMPLES]
SLACK = 2
"""Evaluations. Ranges have no sample at their first instant here, as in Prometheus 3, of which the cases may be as far off."""
_SERIES = re.compile(r"(?P<name>[\w:]+)\{(?P<labels>.*)\}")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_HISTOGRAMS = {metric.name for metric in own.CATALOGUE if metric.type == "histogram"}


@cache
def looked_at(alert: str) -> str:
    """The expressions that an alert is made of."""
    return "\n".join(rule.expr for group in needed([alert], rules(config()).groups) for rule in group.rules)


class Told:
    """The series of a case that its rule names, as a source of samples, one moment after the other."""

    def __init__(self, case: Case) -> None:
        self.moment = 0
        asked = looked_at(case.alert)
        series = case.series.of(lambda name: name in asked) if isinstance(case.series, Story) else case.series
        self.of_one_process = not any(OTHER_INSTANCE in name for name in series)
        self._series: dict[str, list[tuple[dict[str, str], list[float | None]]]] = {}
        for name, values in series.items():
            found = _SERIES.fullmatch(name)
            assert found is not None
            samples = [None if value in ("_", "stale") else float(value) for value in values.split(" ")]
            self._series.setdefault(found["name"], []).append((dict(_LABEL.findall(found["labels"])), samples))
        self._labelled: dict[str, list[tuple[Labels, float, list[float | None]]]] = {}

    def __call__(self, metric: Metric) -> Present:
        if metric.name not in _HISTOGRAMS:
            return Present([(labels, (value,)) for labels, value in self.values(metric, metric.name)])
        rows: dict[Labels, dict[float, float]] = {}
        for labels, bound, samples in self._of(metric, metric.bucket):
            if (value := self._at(samples)) is not None:
                rows.setdefault(labels, {})[bound] = value
        for labels, count in self.values(metric, metric.count):
            rows.setdefault(labels, {})[inf] = count
        bounds = tuple(sorted(next(iter(rows.values()), {inf: 0.0})))
        return Present([(labels, [row[bound] for bound in bounds]) for labels, row in rows.items()], bounds)

    def values(self, metric: Metric, name: str) -> Iterator[tuple[Labels, float]]:
        for labels, _, samples in self._of(metric, name):
            if (value := self._at(samples)) is not None:
                yield labels, value

    def _of(self, metric: Metric, name: str) -> list[tuple[Labels, float, list[float | None]]]:
        """The series of a name by the metric's labels, with a bucket's upper bound: they are the same at every moment."""
        if name not in self._labelled:
            self._labelled[name] = [
                (tuple(labels.get(each, "") for each in metric.labels), float(labels.get("le", "inf")), samples)
                for labels, samples in self._series.get(name, ())
            ]
        return self._labelled[name]

    def answers(self, now: float) -> dict[str, Answers]:
        """What the chats tell of whether their targets answer."""
        counted: dict[str, dict[str, Counted]] = {}
        told = {metric: dict(self.values(metric, metric.name)) for metric in (own.PROBES, own.PROBE_SUCCESS, own.LAST_PROBE, own.LAST_SUCCESS)}
        for labels, chats in told[own.PROBES].items():
            target, *_, scenario = labels
            success = told[own.PROBE_SUCCESS].get(labels)
            last, last_success = (told[metric].get(labels) for metric in (own.LAST_PROBE, own.LAST_SUCCESS))
            counted.setdefault(target, {})[scenario] = Counted(round(chats), None if success is None else bool(success), last, last_success)
        waits = Patience.of(config().scenarios["heartbeat"])
        return {target: answers(each, dict.fromkeys(each, waits), now) for target, each in counted.items()}

    def _at(self, samples: Sequence[float | None]) -> float | None:
        return samples[self.moment] if self.moment < len(samples) else None


Minutes = dict[frozenset[tuple[str, str]], list[float]]
"""By the labels of an alert."""


def seen(case: Case, told: Told) -> tuple[Minutes, Minutes]:
    """At which minutes the page has the alert pending, and at which it fires."""
    evaluation = Evaluation(told, lambda look: look())
    pending, firing = Minutes(), Minutes()
    for told.moment in range(round(case.minutes * 60 / case.every_seconds) + 1):
        now = float(told.moment * case.every_seconds)
        evaluation.take(now, told.answers(now), now)
        for one in (one for target in evaluation.targets() for one in evaluation.of(target)):
            if one.condition.alert.name == case.alert:
                assert one.why.endswith(".")
                (firing if one.phase == "firing" else pending).setdefault(frozenset(one.labels.items()), []).append(now / 60)
    return pending, firing


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_page_fires_where_the_rule_does(case: Case) -> None:
    told = Told(case)
    if not told.of_one_process:
        pytest.skip("two processes tell of it, which only Prometheus sees together")
    pending, firing = seen(case, told)
    slack = SLACK * case.every_seconds / 60
    for expected in case.fires:
        wanted = {(name, value) for name, value in expected.labels.items() if name not in ("job", "instance")}
        (labels,) = [labels for labels in firing if wanted <= labels]
        minutes = firing.pop(labels)
        assert minutes[0] == pytest.approx(expected.first, abs=slack)
        assert minutes[-1] == pytest.approx(expected.last, abs=slack)
        assert len(minutes) == round((minutes[-1] - minutes[0]) * 60 / case.every_seconds) + 1
        waited = next(each for each in CONDITIONS if each.alert.name == case.alert).alert.for_seconds / 60
        before = [minute for minute in pending[labels] if minutes[0] - waited <= minute < minutes[0]]
        assert len(before) == round(waited * 60 / case.every_seconds)
    assert firing == {}
