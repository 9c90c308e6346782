"""Every metric that chatprobe serves, relays or draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from catalogue.engine_metric import EngineMetric
from catalogue.engines import ENGINE_METRICS
from catalogue.metric import Metric
from catalogue.own import CATALOGUE
from catalogue.pods import PODS
from catalogue.process import PROCESS
from catalogue.reference import values_of_labels
from cli.explained.topic import Topic

_SUFFIXES = ("_bucket", "_sum", "_count")


def topics() -> Iterator[Topic]:
    """chatprobe's own, then those of engines, then those of others that dashboards draw."""
    for kind, metrics in (("metric", CATALOGUE), ("metric of an engine", ENGINE_METRICS), ("metric of others", (*PODS, *PROCESS))):
        for metric in metrics:
            yield Topic(metric.name, kind, partial(text, metric))


def family(series: str) -> str:
    """The name of the histogram that a series is of, if it is of one."""
    return next((series.removesuffix(suffix) for suffix in _SUFFIXES if series.endswith(suffix)), series)


def text(metric: Metric) -> str:
    """Help, type, labels and their values, buckets, and who uses it."""
    from cli.explained.uses import uses

    used = uses(metric)
    paragraphs = [
        f"{metric.help}",
        f"**Type:** {metric.type}{f', in {metric.unit}' if metric.unit else ''}",
        f"**Labels:** {_listed(metric.labels) or 'none'}",
        *(f"**Values of `{label}`:** {_listed(values)}" for label, values in values_of_labels(metric)),
    ]
    if metric.buckets:
        bounds = ", ".join(f"{bound:g}" for bound in metric.buckets.bounds)
        paragraphs.append(f"**Buckets:** {bounds}. {metric.buckets.reason}")
    if isinstance(metric, EngineMetric):
        paragraphs.append(f"**There:** {_when(metric)}")
    paragraphs.append(f"**Alerts:** {_listed(used.alerts) or 'none'}")
    paragraphs.append(f"**Panels:** {'' if used.panels else 'none'}")
    if used.panels:
        paragraphs.append("\n".join(f"- {panel}" for panel in used.panels))
    return "\n\n".join(paragraphs)


def _when(metric: EngineMetric) -> str:
    span = f"since {metric.since}" if metric.since else "in all versions"
    return "".join((span, f", until {metric.until}" if metric.until else "", f"; {metric.condition}" if metric.condition else ""))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
