"""PromQL for what the engines tell of themselves: of processes, from buckets that are theirs, under names that changed with versions."""

from __future__ import annotations

from collections.abc import Callable, Collection

from catalogue import vllm
from catalogue.metric import BACKEND, REPLICA, TARGET, Metric
from dashboards.engines import LEGEND
from dashboards.promql import BY_TARGET, RANGE, growth, joined, lately, select, sums

RANK = (TARGET, BACKEND, REPLICA, vllm.ENGINE)
"""What identifies a process of an engine, and with vLLM a rank of data parallelism in it."""
RANK_LEGEND = f"{LEGEND} {{{{{REPLICA}}}}} #{{{{{vllm.ENGINE}}}}}"
TOGETHER: tuple[str, ...] = ()
"""All chosen targets as one: of several, means that stand on one another would say nothing."""


def renamed(make: Callable[[Metric], str], now: Metric, *before: Metric) -> str:
    """What `make` makes of a metric, and where an engine does not have it, of the names that it had in versions before."""
    return "\nor ".join(make(metric) for metric in (now, *before))


def level(metric: Metric, *where: str, how: str = "sum", by: Collection[str] = BY_TARGET) -> str:
    """A gauge of processes brought together; each process counts once, however many exporters ask it."""
    return joined(how, joined("max", select(metric, *where), metric.labels), by)


def seconds(histogram: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """How much the sum of a histogram grows in a second."""
    return lately(histogram, *where).total(by)


def observed(histogram: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """How often a histogram observes in a second."""
    return lately(histogram, *where).count(by)


def own_quantile(q: str, histogram: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """A quantile over the buckets that the engine chose: as good as they are narrow where it falls.

    Nothing where nothing was observed, and where it falls into the lowest bucket: there it would be made up.
    """
    return lately(histogram, *where).told_quantile(q, by)


def first_bucket(histogram: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """The share of observations that fell into the lowest bucket; of native histograms, as far as they tell it (`lowest_share`)."""
    return lately(histogram, *where).lowest_share(by)


def grown(counter: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """How much a counter grew in the time range shown."""
    return sums(growth(counter, RANGE, *where), by)


def mean_of_range(histogram: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """The mean of what a histogram observed in the time range shown."""
    return lately(histogram, *where, over=RANGE).mean(by)
