"""SLOs as Sloth takes them (`prometheus/v1`), for those who have it generate their rules: one source for all of a company's SLOs."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.objective import SERVICE, Objective, sloth_name
from alerts.slos import bad, total
from alerts.windows import Severity
from config.alerting import Alerts

_WINDOW = "{{.window}}"


def spec(objectives: Sequence[Objective], settings: Alerts) -> dict[str, object]:
    """One specification with all SLOs. Sloth's windows and periods are its own: it is told the period on its command line."""
    return {"version": "prometheus/v1", "service": SERVICE, "labels": dict(settings.labels), "slos": [_slo(each, settings) for each in objectives]}


def _slo(objective: Objective, settings: Alerts) -> dict[str, object]:
    return {
        "name": sloth_name(objective.name),
        "objective": float(objective.slo.objective * 100),
        "description": f"A good chat of {objective.slo.scenario} {objective.meaning}.",
        "sli": {"events": {"error_query": bad(objective, "rate", _WINDOW), "total_query": f"{total(objective, _WINDOW)} > 0"}},
        "alerting": {
            "name": "LLMBudgetBurn",
            "annotations": {"summary": f"{{{{ $labels.target }}}} burns its error budget for {objective.name}"},
            "page_alert": {
                "labels": {"severity": Severity.PAGE.value},
                "annotations": {"runbook_url": f"{settings.runbooks_url}/LLMBudgetBurnFast.md"},
            },
            "ticket_alert": {
                "labels": {"severity": Severity.TICKET.value},
                "annotations": {"runbook_url": f"{settings.runbooks_url}/LLMBudgetBurnTicket.md"},
            },
        },
    }
