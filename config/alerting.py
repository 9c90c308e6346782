"""How rules and notifications are generated from the SLOs (`chatprobe alerts`), as an operator writes it. The exporter itself takes no notice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.base import Section
from config.notify import Notify
from config.quantities import Seconds
from config.rules import check_page_url
from config.version import VersionOfPrometheus

LowVolume = Literal["guard", "warn", "refuse"]

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_OF_A_LABEL = re.compile(r"\{\{\s*\$(?:labels|externalLabels)\.[a-zA-Z_][a-zA-Z0-9_]*\s*\}\}", re.ASCII)
"""The templates of which each has one value for an alert. Prometheus loads no rules at all with one that it cannot read."""
_TAKEN = frozenset({"alertname", "severity", "job", "target", "backend", "model", "scenario", "slo", "peer", "measure", "reason", "source"})


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name) or name.startswith("__"):
        raise ValueError("is no name of a label; write letters, digits and _ only, no digit first")
    if name in _TAKEN or name.startswith("sloth_"):
        raise ValueError("is a label that alerts have already; choose another name")
    return name


def _label_value(text: str) -> str:
    if "{{" in _OF_A_LABEL.sub("", text):
        raise ValueError("holds a template that Prometheus would refuse, or have a new alert by each time; write text, or {{ $labels.NAME }}")
    return text


PageUrl = Annotated[str, AfterValidator(check_page_url)]
LabelName = Annotated[str, AfterValidator(_label)]
LabelValue = Annotated[str, Field(min_length=1), AfterValidator(_label_value)]


def _of_a_scrape(seconds: float) -> float:
    if not 1 <= seconds <= 120:
        raise ValueError("is out of range; write 1s to 2m: Prometheus takes series that are older than 5m for gone")
    return seconds


Interval = Annotated[Seconds, AfterValidator(_of_a_scrape)]


class Alerts(Section):
    """What the rules are generated for: the Prometheus that evaluates them, and the pages that alerts link to."""

    prometheus: VersionOfPrometheus = Field(
        default=(2, 42), validate_default=True, description="version of Prometheus; one that does not know what the rules ask for is refused"
    )
    scrape_interval_seconds: Interval = Field(default=30.0, alias="scrape_interval", description="how often Prometheus scrapes chatprobe")
    evaluation_interval_seconds: Interval = Field(default=30.0, alias="evaluation_interval", description="how often it evaluates the rules")
    retention_seconds: Seconds | None = Field(
        default=None,
        alias="retention",
        description="how long it keeps samples, if shorter than the SLOs' windows: rules look back no further",
    )
    low_volume: LowVolume = Field(
        default="guard",
        description="what becomes of a page that one or two failed chats would set off: `guard` has it wait for three, `warn` only says so, `refuse` "
        "writes no rules",
    )
    grafana_url: PageUrl | None = Field(
        default=None, description="Grafana, for links to dashboards; left out: alerts have the path of their dashboard, and no link"
    )
    runbooks_url: PageUrl = Field(
        default="https://github.com/chatprobe/chatprobe/blob/main/docs/runbooks", description="where the runbooks are, a page for each alert"
    )
    labels: Mapping[LabelName, LabelValue] = Field(default={}, description="more labels of every alert, like `{team: llm}`")
    notify: Notify | None = Field(default=None, description="who is told of alerts: what Alertmanager's configuration is generated for")
