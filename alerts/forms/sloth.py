"""SLOs as Sloth takes them (`prometheus/v1`), for those who have it generate their rules: one source for all of a company's SLOs."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.objective import SERVICE, Objective, sloth_name
from alerts.slos import bad, total
from alerts.windows import DAY, FULL_LENGTHS, Severity, written
from catalogue import own
from config.alerting import Alerts

_WINDOW = "{{.window}}"


class SlothError(Exception):
    """SLOs that Sloth makes no sound rules of: "what is wrong; what would be right"."""


def spec(objectives: Sequence[Objective], settings: Alerts) -> dict[str, object]:
    """One specification with all SLOs. Sloth's windows are its own, for 28 and for 30 days, and it is told the period of all on its command line.

    Raises `SlothError` for other periods, and for several.
    """
    known = " or ".join(f"{seconds // DAY}d" for seconds in FULL_LENGTHS)
    for objective in objectives:
        if objective.period not in FULL_LENGTHS:
            raise SlothError(
                f"slos.{objective.name}: its budget is told over {written(objective.period)}, for which Sloth has no windows; "
                f"write a window of {known}, and no shorter alerts.retention, or take the form `rules`"
            )
    periods = {objective.period for objective in objectives}
    if len(periods) > 1:
        raise SlothError(f"slos: have windows of {known}, and Sloth is told one period for all; write the same for each, or take the form `rules`")
    return {"version": "prometheus/v1", "service": SERVICE, "labels": dict(settings.labels), "slos": [_slo(each, settings) for each in objectives]}


def _slo(objective: Objective, settings: Alerts) -> dict[str, object]:
    return {
        "name": sloth_name(objective.name),
        "objective": float(objective.slo.objective * 100),
        "labels": {own.SLO: objective.name},
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
