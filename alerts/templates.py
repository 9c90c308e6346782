"""Pieces of what an alert says: Prometheus templates, filled in when it fires. `Alert.summary` and the like are made of them."""

from __future__ import annotations

from exporter.metrics import catalogue
from exporter.metrics.catalogue import Dashboard


def label(name: str) -> str:
    """The value of one of the alert's labels."""
    return f"{{{{ $labels.{name} }}}}"


NAME, MODEL, SCENARIO = label(catalogue.TARGET), label(catalogue.MODEL), label(catalogue.SCENARIO)
PEER, MEASURE, REASON, SOURCE, INSTANCE = (
    label(catalogue.PEER),
    label(catalogue.MEASURE),
    label(catalogue.REASON),
    label(catalogue.SOURCE),
    label("instance"),
)
WHO = f"{NAME} ({MODEL})"
NUMBER, PERCENT, DURATION = "{{ $value | humanize }}", "{{ $value | humanizePercentage }}", "{{ $value | humanizeDuration }}"
"""The value of the expression, as a number, a share, or seconds."""


def link(dashboard: Dashboard, *labels: str) -> str:
    """The path of a dashboard with its variables set to the alert's own labels."""
    chosen = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in labels)
    return f"/d/{dashboard}" + (f"?{chosen}" if chosen else "")


def reasons(window: str) -> str:
    """A space and a sentence with the most frequent reason of the target's failures in a window, if there are any.

    Prometheus is asked when the alert fires.
    """
    query = f"topk(1, sum by ({catalogue.REASON}) (increase({catalogue.PROBE_FAILURES.name}{{target=%q}}[{window}])) > 0)"
    return f"{{{{ range printf `{query}` $labels.target | query }}}} Most fail by {{{{ .Labels.reason }}}}.{{{{ end }}}}"
