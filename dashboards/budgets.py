"""What panels on SLOs have in common: the PromQL of what is attained, what is left of a budget, and how fast that burns."""

from __future__ import annotations

from alerts import recordings
from alerts.windows import DAY, pairs
from catalogue import own
from catalogue.metric import BACKEND, TARGET
from catalogue.own import SLO
from catalogue.uids import Dashboard
from dashboards import engines
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, cell, label
from dashboards.dash.values import Thresholds, low_is_bad
from dashboards.dash.variables import LabelValues
from dashboards.promql import BY_TARGET, RANGE, joined, matchers, ratio, select, sums

VARIABLE = LabelValues(SLO, "SLO", select(own.SLO_TOTAL), SLO)
CHOSEN = f'{SLO}=~"${SLO}"'
ROW = (*BY_TARGET, SLO)
"""What has an error budget of its own."""
LEGEND = f"{engines.LEGEND} {{{{{SLO}}}}}"
NO_SLO = "no SLO is configured (`slos`), or its rules do not run in Prometheus."
OF_LINE = ((BACKEND, label(BACKEND)), (TARGET, label(TARGET)))
OF_ROW = ((TARGET, cell("Target")), (BACKEND, cell("Engine")))
LATENCY = Link("Latency of this target", Dashboard.LATENCY, OF_LINE)
ATTEMPTS, GOOD = select(recordings.ATTEMPTS, CHOSEN), select(recordings.GOOD, CHOSEN)


def recorded(name: str) -> str:
    """A series of SLOs by its name, by target: it has the labels of attempts."""
    return f"{name}{matchers(recordings.ATTEMPTS, CHOSEN)}"


def constant(name: str) -> str:
    """A series that says the same of an SLO for all targets: to be joined `ON_SLO`."""
    return f"max by ({SLO}) ({name}{{{CHOSEN}}})"


def good_share(over: str) -> str:
    """The share of good attempts in a time: nothing where none was made."""
    good, attempts = (sums(f"sum_over_time({series}[{over}])", ROW) for series in (GOOD, ATTEMPTS))
    return ratio(good, attempts)


ON_SLO = f"on ({SLO}) group_left ()"
OBJECTIVE = f"max by ({SLO}) ({select(own.SLO_OBJECTIVE, CHOSEN)})"
DAYS, BUDGET = constant(recordings.PERIOD_DAYS), constant(recordings.ERROR_BUDGET)
EACH = f"{joined('max', ATTEMPTS, ROW)} * 0 + {ON_SLO}"
"""Before a fact of an SLO: gives it to each of its targets."""
ATTAINED = good_share(RANGE)
LEFT = joined("min", recorded(recordings.BUDGET_REMAINING), ROW)
"""The share of the budget: below 0 when more than all of it is spent."""
BURN = joined("max", recorded(recordings.CURRENT_BURN_RATE), ROW)
HOURLY_BURN = f"(1 - {good_share('1h')}) / {ON_SLO} {BUDGET}"
OVER_PERIOD = f"1 - {joined('max', recorded(recordings.PERIOD_BURN_RATE), ROW)} * {ON_SLO} {BUDGET}"
SECONDS_LEFT = f"clamp_min({LEFT}, 0) * {ON_SLO} {DAYS} * {DAY} / (({HOURLY_BURN}) > 0)"
"""Until nothing is left, at the burn rate of the last hour: nothing where that is 0."""
TOMORROW = f"{LEFT} - (1 - {good_share('6h')}) / {ON_SLO} {BUDGET} / {ON_SLO} {DAYS}"
"""What is left of the budget after a day that is as bad as the last six hours."""
BUDGET_LEFT = Thresholds(Colour.RED, ((0.0, Colour.YELLOW), (0.25, Colour.GREEN)))
UNTIL = low_is_bad(DAY, 7 * DAY)
NOT_BURNING = "not burning"

FACTORS = tuple(float(pair.factor) for pair in pairs(30 * DAY))
"""The burn rates that alert for an SLO over 30 days, fastest first."""
