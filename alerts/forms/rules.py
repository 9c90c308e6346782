"""Rules as a Prometheus rule file has them, which is also what a `PrometheusRule` carries."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.rule import Alert, Group, Recording
from alerts.windows import written
from config.alerting import Alerts


def document(groups: Iterable[Group], settings: Alerts) -> dict[str, object]:
    """The content of a rule file."""
    return {"groups": [_group(group, settings) for group in groups]}


def _group(group: Group, settings: Alerts) -> dict[str, object]:
    interval = {} if group.interval_seconds is None else {"interval": written(group.interval_seconds)}
    return {"name": group.name, **interval, "rules": [_rule(rule, settings) for rule in group.rules]}


def _rule(rule: Recording | Alert, settings: Alerts) -> dict[str, object]:
    if isinstance(rule, Recording):
        return {"record": rule.name, "expr": rule.expr, **({"labels": dict(rule.labels)} if rule.labels else {})}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        **({"for": written(rule.for_seconds)} if rule.for_seconds else {}),
        "labels": {"severity": rule.severity.value, **rule.labels, **settings.labels},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{settings.runbooks_url}/{rule.name}.md",
            "dashboard": rule.dashboard,
            **({} if settings.grafana_url is None else {"dashboard_url": f"{settings.grafana_url}{rule.dashboard}"}),
        },
    }
