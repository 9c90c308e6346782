"""All rules of a configuration: shared recordings, SLOs, and the alerts that need no SLO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alerts import comparison, engines, prober, recordings, slos, targets
from alerts.objective import Objective, objectives
from alerts.rule import Alert, Group
from alerts.standing import standing
from alerts.windows import written
from catalogue.metric import Metric
from config.model import Config


class AlertsError(Exception):
    """SLOs of which no sound rules can be made; `problems` has a line for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rules:
    """The groups of each kind, and what there is to say about them."""

    recordings: tuple[Group, ...]
    alerts: tuple[Group, ...]
    slos: tuple[Group, ...]
    objectives: tuple[Objective, ...]
    notes: tuple[str, ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        return (*self.recordings, *self.slos, *self.alerts)


def rules(config: Config) -> Rules:
    """The rules of a configuration. Raises `AlertsError` with everything that stands against them."""
    found = objectives(config)
    problems = [f"slos.{each.name}: {problem}" for each in found for problem in each.problems]
    problems += _alike(found)
    if problems:
        raise AlertsError(tuple(problems))
    interval = round(config.alerts.evaluation_interval_seconds)
    kept, notes = [], [f"slos.{each.name}: {note}" for each in found for note in each.notes]
    for name, alerts in _by_theme(config):
        group = Group(f"chatprobe-{name}", tuple(alert for alert in alerts if _within(alert, config)), interval)
        kept.append(standing(group, interval))
        notes += [
            f"alerts.retention: {alert.name} is left out, as it looks back {written(alert.looks_back_seconds)}"
            for alert in alerts
            if not _within(alert, config)
        ]
    return Rules(
        recordings=(recordings.group(interval),),
        alerts=tuple(kept),
        slos=tuple(standing(group, interval) for objective in found for group in slos.groups(objective, interval)),
        objectives=found,
        notes=tuple(notes),
    )


def _by_theme(config: Config) -> Iterator[tuple[str, tuple[Alert, ...]]]:
    yield "targets", targets.ALERTS
    yield "comparison", comparison.ALERTS
    yield "engines", engines.ALERTS
    yield "prober", tuple(prober.alerts(_tops(config)))


def _tops(config: Config) -> Iterator[tuple[Metric, float]]:
    """The last boundary of each latency histogram, those that thresholds add included."""
    for metric, key in zip(prober.SATURABLE, ("ttft", None, "tpot", "e2e"), strict=True):
        yield metric, max(metric.bounds[-1], *(slo.thresholds.get(key or "", 0) for slo in config.slos.values()), 0)


def _within(alert: Alert, config: Config) -> bool:
    retention = config.alerts.retention_seconds
    return retention is None or alert.looks_back_seconds <= retention


def _alike(found: tuple[Objective, ...]) -> Iterator[str]:
    """SLOs whose names differ, but not for Sloth's labels."""
    seen: dict[str, str] = {}
    for objective in found:
        if objective.sloth_id in seen:
            yield f"slos.{objective.name}: is called {objective.sloth_id} in rules, as is slos.{seen[objective.sloth_id]}; give it another name"
        seen.setdefault(objective.sloth_id, objective.name)
