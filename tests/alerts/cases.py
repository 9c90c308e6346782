"""A situation, and what one alert makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus, urlsplit

from alerts.rules import rules
from tests.alerts.promtool import Fired, config, converts, firing, left_open, needed
from tests.alerts.series import EVERY_SECONDS, converted, exponential


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires from its first minute to its last, both included; `labels` are those that tell it from others, and `says` is what
    its description is when it begins to fire."""

    first: float
    last: float
    labels: Mapping[str, str] = field(default_factory=dict)
    says: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A situation as the series that tell of it. The alert fires as it is said in `fires`, and at no other evaluation until `minutes`, but for
    those of before `since`, which are not looked at."""

    alert: str
    situation: str
    series: Mapping[str, str]
    minutes: float
    fires: tuple[Firing, ...] = ()
    every_seconds: int = EVERY_SECONDS
    since: float = 0

    def __str__(self) -> str:
        return f"{self.alert}: {self.situation}"


def check(case: Case, folder: Path) -> None:
    """Fails where the alert does something else, at any evaluation, or says what no reader understands; the same where Prometheus keeps histograms
    as native ones, its own or ours, if the alert asks for one and this Prometheus can.

    Cases are told as Prometheus 2 has it. The ranges of Prometheus 3 have no sample at their first instant: it may be two evaluations earlier or
    later, and reckon with other numbers.
    """
    _check(case, folder)
    asked = "\n".join(rule.expr for group in needed([case.alert], rules(config()).groups) for rule in group.rules)
    if "histogram_" in asked and converts():
        for told in (converted, exponential):
            _check(replace(case, series=told(case.series)), folder)


def _check(case: Case, folder: Path) -> None:
    scrapes = range(round(case.since * 60 / case.every_seconds), round(case.minutes * 60 / case.every_seconds) + 1)
    evaluations = [scrape * case.every_seconds / 60 for scrape in scrapes]
    found = firing(config(), case.alert, case.series, evaluations, folder, every_seconds=case.every_seconds)
    slack = 2 * case.every_seconds / 60 if left_open() else 0
    spans = []
    for expected in case.fires:
        when = {minute: alert for minute, alerts in found.items() for alert in alerts if expected.labels.items() <= alert.labels.items()}
        first, last = min(when, default=-1), max(when, default=-1)
        assert abs(first - expected.first) <= slack, f"{case}: fires at {sorted(when)}"
        assert abs(last - expected.last) <= slack, f"{case}: fires at {sorted(when)}"
        assert list(when) == [minute for minute in evaluations if first <= minute <= last]
        spans.append((first, last))
        if expected.says is not None:
            said = when[first].annotations["description"]
            assert _comparable(said) == _comparable(expected.says), f"{case}: says {said}"
    for minute, alerts in found.items():
        due = sum(first <= minute <= last for first, last in spans)
        assert len(alerts) == due, f"{case}: at minute {minute} there are {alerts}"
        for alert in alerts:
            read(case.alert, alert)


def _comparable(said: str) -> str:
    """Without its numbers, where they may be others."""
    return re.sub(r"\d+(?:[.]\d+)?", "N", said) if left_open() else said


def read(name: str, alert: Fired) -> None:
    """Every text is filled in, and the links lead to the alert's own runbook and target."""
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    for text in alert.annotations.values():
        assert text.strip()
        assert not any(mark in text for mark in ("<no value>", "{{", "}}", "%!", "NaN", "Inf", "  ", "()", " ,", ",,")), text
    assert alert.annotations["runbook_url"].endswith(f"/{name}.md")
    link = urlsplit(alert.annotations["dashboard_url"])
    assert link.path.startswith("/d/chatprobe-")
    for variable, value in parse_qsl(link.query, keep_blank_values=True, strict_parsing=True) if link.query else ():
        assert value == alert.labels[variable.removeprefix("var-")]
        assert f"{variable}={quote_plus(value)}" in link.query.split("&")
