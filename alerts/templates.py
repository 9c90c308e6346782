"""Pieces of what an alert says: Prometheus templates, filled in when it fires. `Alert.summary` and the like are made of them."""

from __future__ import annotations

from catalogue import metric, own
from catalogue.uids import Dashboard


def label(name: str) -> str:
    """The value of one of the alert's labels."""
    return f"{{{{ $labels.{name} }}}}"


NAME, MODEL, SCENARIO = label(metric.TARGET), label(metric.MODEL), label(own.SCENARIO)
PEER, MEASURE, REASON, SOURCE, INSTANCE = (
    label(own.PEER),
    label(own.MEASURE),
    label(own.REASON),
    label(own.SOURCE),
    label("instance"),
)
JOB = label("job")
WHO = f"{NAME} ({MODEL})"
NUMBER, COUNT = "{{ $value | humanize }}", "{{ $value | printf `%.0f` }}"
PERCENT, DURATION = "{{ $value | humanizePercentage }}", "{{ $value | humanizeDuration }}"
"""The value of the expression, as a number, a whole number, a share, or seconds."""


def link(dashboard: Dashboard, *labels: str) -> str:
    """The path of a dashboard with its variables set to the alert's own labels."""
    chosen = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in labels)
    return f"/d/{dashboard}" + (f"?{chosen}" if chosen else "")


def reasons(window: str, *labels: str) -> str:
    """A space and a sentence with the most frequent reason of failures in a window, if there are any, by these labels of the alert.

    Prometheus is asked when the alert fires.
    """
    chosen = ",".join(f"{name}=%q" for name in labels or ("job", metric.TARGET))
    query = f"topk(1, sum by ({own.REASON}) (increase({own.PROBE_FAILURES.name}{{{chosen}}}[{window}])) > 0)"
    values = " ".join(f"$labels.{name}" for name in labels or ("job", metric.TARGET))
    return f"{{{{ range printf `{query}` {values} | query }}}} Of those that failed, most did so by {{{{ .Labels.reason }}}}.{{{{ end }}}}"
