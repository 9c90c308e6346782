"""What panels on exporters have in common: one line for each of them, and what is well or late there."""

from __future__ import annotations

from catalogue.metric import BACKEND, TARGET, Metric
from catalogue.uids import Dashboard
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, label
from dashboards.dash.values import ValueText
from dashboards.promql import INSTANCE, LE, WINDOW, equals, joined, matchers, ratio, select, sums

EACH = (INSTANCE,)
NAME = f"{{{{{INSTANCE}}}}}"
WHY = Link("Why: engine against client", Dashboard.WHY, ((BACKEND, label(BACKEND)), (TARGET, label(TARGET))))
WELL = (ValueText(0, "failing", Colour.RED), ValueText(1, "well", Colour.GREEN))


def each(metric: Metric, *labels: str, how: str = "max") -> str:
    """A gauge of the exporter, one for each instance."""
    return joined(how, select(metric), (*EACH, *labels))


def later_than(metric: Metric, bound: str) -> str:
    """Share of what a histogram of the exporter observed above one of its bounds, by instance."""
    within = sums(f"rate({metric.bucket}{matchers(metric, equals(LE, bound))}[{WINDOW}])", EACH)
    return f"1 - {ratio(within, sums(f'rate({metric.count}{matchers(metric)}[{WINDOW}])', EACH))}"
