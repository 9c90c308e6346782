"""The engines' own series as messages: the same that their lines have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from exporter.native.relay import RelaySnapshot
from exporter.native.series import FamilySeries, PointedSeries
from exporter.protobuf.schema import COUNTER, GAUGE, HISTOGRAM, SUMMARY, UNTYPED
from exporter.protobuf.writing import TOO_MANY, Pairs, a_metric, delimited, tell_bucket, tell_histogram_count
from probes.numbers.family import FamilyType

_KINDS: Mapping[FamilyType, int] = {"counter": COUNTER, "gauge": GAUGE, "histogram": HISTOGRAM, "summary": SUMMARY, "unknown": UNTYPED}


def relayed_families(snapshot: RelaySnapshot) -> Iterator[bytes]:
    """All of them, with the messages that their series were kept as."""
    for title, words, blocks in snapshot.families():
        yield delimited(title.name, words, _KINDS[title.type], "", (block.messages for block in blocks))


def relayed_messages(family: FamilySeries) -> bytes:
    """Its series, each as a family that has nothing but this one."""
    pairs, labels = Pairs(), family.labels
    match family.type:
        case "histogram":
            written = (_histogram(family.name, pairs.of(labels.pairs(text)), series) for text, series in family.pointed.items())
        case "summary":
            written = (_summary(family.name, pairs.of(labels.pairs(text)), series) for text, series in family.pointed.items())
        case kind:
            written = (_single(kind, pairs.of(labels.pairs(text)), value) for text, value in family.singles.items())
    return b"".join(message.SerializeToString() for message in written)


def _single(kind: FamilyType, labels: list[Any], value: float) -> Any:
    message, metric = a_metric(labels)
    match kind:
        case "counter":
            metric.counter.value = value
        case "gauge":
            metric.gauge.value = value
        case _:
            metric.untyped.value = value
    return message


def _histogram(name: str, labels: list[Any], series: PointedSeries) -> Any:
    message, metric = a_metric(labels)
    for bound, (_, count) in series.points.items():
        tell_bucket(metric.histogram.bucket.add, bound, count)
    tell_histogram_count(metric.histogram, series.totals[f"{name}_count"])
    metric.histogram.sample_sum = series.totals[f"{name}_sum"]
    return message


def _summary(name: str, labels: list[Any], series: PointedSeries) -> Any:
    message, metric = a_metric(labels)
    for quantile, (_, value) in series.points.items():
        metric.summary.quantile.add(quantile=quantile, value=value)
    if (count := series.totals.get(f"{name}_count")) is not None:
        metric.summary.sample_count = min(int(count), TOO_MANY - 1)
    metric.summary.sample_sum = series.totals.get(f"{name}_sum", math.nan)
    return message
