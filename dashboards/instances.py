"""What panels on exporters have in common: one line for each of them, and what is well or late there."""

from __future__ import annotations

from catalogue.metric import BACKEND, TARGET, Metric
from catalogue.uids import Dashboard
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, label
from dashboards.dash.values import ValueText
from dashboards.promql import INSTANCE, joined, lately, ratio, select

EACH = (INSTANCE,)
NAME = f"{{{{{INSTANCE}}}}}"
WHY = Link("Why: engine against client", Dashboard.WHY, ((BACKEND, label(BACKEND)), (TARGET, label(TARGET))))
WELL = (ValueText(0, "failing", Colour.RED), ValueText(1, "well", Colour.GREEN))


def each(metric: Metric, *labels: str, how: str = "max") -> str:
    """A gauge of the exporter, one for each instance."""
    return joined(how, select(metric), (*EACH, *labels))


def later_than(metric: Metric, bound: float) -> str:
    """Share of what a histogram of the exporter observed above one of its bounds, by instance."""
    observed = lately(metric)
    return f"1 - {ratio(observed.within(bound, EACH), observed.count(EACH))}"
