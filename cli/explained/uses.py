"""Who uses a metric: alerts, and panels of dashboards, also by way of recording rules."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from alerts.rule import Alert, Recording
from alerts.rules import rules
from catalogue.metric import Metric
from config.reader import parse
from config.starters import starter
from dashboards.boards import BOARDS
from dashboards.dash.panels import QueryPanel

_NAME = re.compile(r"[A-Za-z_:][\w:]*")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Uses:
    """Alerts by their names, and panels as `DASHBOARD: PANEL`, in the order of rules and dashboards."""

    alerts: tuple[str, ...]
    panels: tuple[str, ...]


def uses(metric: Metric) -> Uses:
    """Of a metric, by the rules of a usual configuration."""
    looked = _looked()
    series = {metric.name, metric.bucket, metric.sum, metric.count}
    wanted = series | {recorded for recorded, read in looked.recordings.items() if read & series}
    return Uses(_that_read(wanted, looked.alerts), _that_read(wanted, looked.panels))


@dataclass(frozen=True, slots=True)
class _Looked:
    """The names of series that each reads; of a recording also those that it has from others."""

    recordings: Mapping[str, frozenset[str]]
    alerts: Mapping[str, frozenset[str]]
    panels: Mapping[str, frozenset[str]]


@cache
def _looked() -> _Looked:
    every = [rule for group in rules(parse(starter("default")).config).groups for rule in group.rules]
    direct: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for recording in every:
        if isinstance(recording, Recording):
            direct[recording.name] |= _names(recording.expr)
    alerts: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for alert in every:
        if isinstance(alert, Alert):
            alerts[alert.name] |= _names(alert.expr)
    panels = {
        f"{board.title.removeprefix('chatprobe / ')}: {_title(panel)}": _names(*(query.expr for query in panel.queries))
        for board in BOARDS
        for panel in board.panels
        if isinstance(panel, QueryPanel)
    }
    return _Looked({name: _reach(name, direct) for name in list(direct)}, alerts, panels)


def _title(panel: QueryPanel) -> str:
    """Without the signs that make a name in it a variable."""
    return _VARIABLE.sub(lambda found: (found[1] or found[2]).replace("_", " "), panel.title)


def _reach(name: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """All that a recording is made of, down to metrics."""
    found: set[str] = set()
    left = [name]
    while left:
        for read in direct.get(left.pop(), frozenset()) - found:
            found.add(read)
            left.append(read)
    return frozenset(found)


def _names(*expressions: str) -> frozenset[str]:
    return frozenset(name for expression in expressions for name in _NAME.findall(expression))


def _that_read(wanted: Iterable[str], readers: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    series = frozenset(wanted)
    return tuple(name for name, read in readers.items() if read & series)
