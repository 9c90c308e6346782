"""The PromQL that panels are made of: selectors with the variables' matchers, rates, safe ratios, quantiles over recorded buckets.

A series is a metric of the catalogue or a shared recording. What is recorded has no `instance`; everything else has.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from alerts.histograms import Recorded, Scraped
from alerts.recordings import JOB, Shared
from catalogue.metric import BACKEND, TARGET, Metric
from catalogue.own import CHAT_LABELS

INSTANCE = "instance"
BY_TARGET = (TARGET, BACKEND)
WINDOW = "$__rate_interval"
RANGE = "$__range"


class Labelled(Protocol):
    """Anything with labels: a metric, a shared recording, a native metric of an engine."""

    @property
    def labels(self) -> tuple[str, ...]: ...


def matchers(series: Labelled, *where: str) -> str:
    """`{job=~"$job", ...}`: a matcher for each variable that the series has a label for, then these."""
    return f"{{{', '.join((*chosen(series), *where))}}}"


def chosen(series: Labelled) -> tuple[str, ...]:
    """A matcher for each variable that the series has a label for."""
    own = series.labels if isinstance(series, Shared) else (JOB, INSTANCE, *series.labels)
    return tuple(f'{label}=~"${label}"' for label in (JOB, INSTANCE, *CHAT_LABELS) if label in own)


def select(series: Metric | Shared, *where: str) -> str:
    """The series itself, as the variables choose."""
    return f"{series.name}{matchers(series, *where)}"


def equals(label: str, value: str) -> str:
    """A matcher."""
    return f'{label}="{value}"'


def differs(label: str, *values: str) -> str:
    """A matcher: the label has none of these values."""
    return f'{label}!="{values[0]}"' if len(values) == 1 else f'{label}!~"{"|".join(values)}"'


def joined(how: str, expr: str, by: Collection[str] = BY_TARGET) -> str:
    """Series brought together by `sum`, `min`, `max`, `avg` or `count`, one for each set of these labels."""
    return f"{how} by ({', '.join(by)}) ({expr})"


def sums(expr: str, by: Collection[str] = BY_TARGET) -> str:
    return joined("sum", expr, by)


def rate(metric: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """How much a counter grows in a second."""
    return sums(f"rate({metric.name}{matchers(metric, *where)}[{WINDOW}])", by)


def ratio(part: str, whole: str) -> str:
    """Nothing, and not NaN, where the whole is 0. Both are aggregates with the same labels, or stand in parentheses."""
    return f"{part} / ({whole} > 0)"


def growth(counter: Metric, over: str, *where: str) -> str:
    """How much each series of a counter grew in a time."""
    return f"increase({counter.name}{matchers(counter, *where)}[{over}])"


def mean(metric: Metric, *where: str, by: Collection[str] = BY_TARGET) -> str:
    """The mean of what a histogram has observed lately."""
    return lately(metric, *where).mean(by)


def lately(metric: Metric, *where: str, over: str = WINDOW) -> Scraped:
    """What a histogram has observed in a second, as the variables choose. `over` a range (like `RANGE`): of all of it."""
    return Scraped(metric, (*chosen(metric), *where), f"rate(SERIES[{over}])")


TOLD_APART = (
    "Values come from buckets: below 5 s, two of them are told apart when they differ by a tenth, or by a sixth where nearly all chats take the "
    "same time."
)
"""To be said of each panel that compares engines by quantiles. A sixth is the width of the widest bucket there (`catalogue.buckets`)."""


def quantile(q: str, recording: Shared, *where: str, by: Collection[str] = BY_TARGET, over: str = "", offset: str = "") -> str:
    """A quantile over recorded buckets: nothing where nothing was observed.

    `over` a range (like `RANGE`): of all that was observed in it, else of the last minutes. `offset`: that long ago, like `1w`. It ends in a
    comparison: what reckons with it puts it in parentheses.
    """
    return f"{recorded(recording, *where, over=over, offset=offset).quantile(q, by)} >= 0"


def recorded(recording: Shared, *where: str, over: str = "", offset: str = "") -> Recorded:
    """The histogram of recorded buckets, as the variables choose."""
    past = f" offset {offset}" if offset else ""
    return recording.histogram(*chosen(recording), *where, each=f"sum_over_time(SERIES[{over}]{past})" if over else f"SERIES{past}")


def heat(metric: Metric, *where: str) -> str:
    """A histogram's buckets for a heatmap, raw, so that they bring exemplars."""
    return lately(metric, *where).buckets(())


def tagged(expr: str, label: str, value: str) -> str:
    """The same with one more label, to tell rows of a table apart."""
    return f'label_replace({expr}, "{label}", "{value}", "", "")'
