"""Writes metric families as messages of Prometheus' protobuf format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.samples import Exemplar, Sample

from exporter.metrics.families import CREATED
from exporter.protobuf.schema import COUNTER, GAUGE, HISTOGRAM, SUMMARY, UNTYPED, LabelPair, MetricFamily

TOO_MANY = 2**64
"""Counts from here on do not fit into the field for whole numbers. No engine counts so far, but one may say so."""
_GAUGES = ("gauge", "info", "stateset")

_LabelPairs = tuple[tuple[str, str], ...]


class Pairs(dict[tuple[str, str], Any]):
    """Labels as messages, by name and value: a family has each of them again and again."""

    def __missing__(self, pair: tuple[str, str]) -> Any:
        name, value = pair
        made = self[pair] = LabelPair(name=name, value=value)
        return made

    def of(self, labels: Iterable[tuple[str, str]]) -> list[Any]:
        """Sorted by name."""
        return [self[pair] for pair in sorted(labels)]


def delimited(name: str, words: str, kind: int, unit: str, metrics: Iterable[bytes]) -> bytes:
    """A family as it stands in an exposition, its length before it. The metrics are messages of families that have one each."""
    family = MetricFamily(name=name, help=words, type=kind)
    if unit:
        family.unit = unit
    whole = b"".join((family.SerializeToString(), *metrics))  # messages one behind the other are one: what each has is added
    return _length(len(whole)) + whole


def _length(size: int) -> bytes:
    """As a varint: seven bits a byte, the lowest first (https://protobuf.dev/programming-guides/encoding/#varints)."""
    written = bytearray()
    while size > 0x7F:
        written.append(size & 0x7F | 0x80)
        size >>= 7
    written.append(size)
    return bytes(written)


def a_metric(labels: list[Any]) -> tuple[Any, Any]:
    """A family that has nothing but a metric with these labels, and that metric."""
    family = MetricFamily()
    metric = family.metric.add()
    metric.label.extend(labels)
    return family, metric


def tell_exemplar(message: Any, told: Exemplar | None, pairs: Pairs) -> None:
    """Give a counter or a bucket the exemplar that it has."""
    if told is not None:
        exemplar = message.exemplar
        exemplar.value = told.value
        exemplar.label.extend(pairs.of(told.labels.items()))
        if told.timestamp is not None:
            tell_time(exemplar.timestamp, float(told.timestamp))


def tell_time(message: Any, seconds: float) -> None:
    """Set a time stamp to seconds since the epoch."""
    message.seconds, message.nanos = divmod(round(seconds * 1_000_000_000), 1_000_000_000)


def tell_bucket(add: Any, bound: float, count: float) -> Any:
    """One more bucket, in which and below which so many are."""
    bucket = add()
    bucket.upper_bound = bound
    if count < TOO_MANY:
        bucket.cumulative_count = int(count)
    else:
        bucket.cumulative_count_float = count
    return bucket


def tell_histogram_count(message: Any, count: float) -> None:
    """Say how many were observed in all."""
    if count < TOO_MANY:
        message.sample_count = int(count)
    else:
        message.sample_count_float = count


def as_messages(family: Collected, *, created: bool) -> bytes:
    """A family that was read already, each of its series once; with `created`, when they began."""
    match family.type:
        case "counter":
            return _written(f"{family.name}_total", family, COUNTER, _counters(family, created))
        case "histogram":
            return _written(family.name, family, HISTOGRAM, _histograms(family, created))
        case "summary":
            return _written(family.name, family, SUMMARY, _summaries(family))
        case _:
            kind = GAUGE if family.type in _GAUGES else UNTYPED
            named = dict.fromkeys(sample.name for sample in family.samples)
            return b"".join(_written(name, family, kind, _singles(family, name, kind)) for name in named)


def _written(name: str, family: Collected, kind: int, metrics: Iterable[bytes]) -> bytes:
    return delimited(name, family.documentation, kind, family.unit, metrics)


def _singles(family: Collected, name: str, kind: int) -> Iterator[bytes]:
    pairs = Pairs()
    for sample in family.samples:
        if sample.name == name:
            message, metric = a_metric(pairs.of(sample.labels.items()))
            (metric.gauge if kind == GAUGE else metric.untyped).value = sample.value
            yield message.SerializeToString()


def _counters(family: Collected, created: bool) -> Iterator[bytes]:
    pairs = Pairs()
    for labels, samples in _by_labels(family.samples).items():
        message, metric = a_metric(pairs.of(labels))
        for sample in samples:
            if not sample.name.endswith(CREATED):
                metric.counter.value = sample.value
                tell_exemplar(metric.counter, sample.exemplar, pairs)
            elif created:
                tell_time(metric.counter.created_timestamp, sample.value)
        yield message.SerializeToString()


def _histograms(family: Collected, created: bool) -> Iterator[bytes]:
    pairs = Pairs()
    for labels, samples in _by_labels(family.samples, "le").items():
        message, metric = a_metric(pairs.of(labels))
        told = metric.histogram
        for sample in samples:
            match sample.name.removeprefix(family.name):
                case "_bucket":
                    tell_exemplar(tell_bucket(told.bucket.add, float(sample.labels["le"]), sample.value), sample.exemplar, pairs)
                case "_count":
                    tell_histogram_count(told, sample.value)
                case "_sum":
                    told.sample_sum = sample.value
                case "_created" if created:
                    tell_time(told.created_timestamp, sample.value)
        yield message.SerializeToString()


def _summaries(family: Collected) -> Iterator[bytes]:
    pairs = Pairs()
    for labels, samples in _by_labels(family.samples, "quantile").items():
        message, metric = a_metric(pairs.of(labels))
        for sample in samples:
            match sample.name.removeprefix(family.name):
                case "":
                    metric.summary.quantile.add(quantile=float(sample.labels["quantile"]), value=sample.value)
                case "_count":
                    metric.summary.sample_count = int(sample.value)
                case "_sum":
                    metric.summary.sample_sum = sample.value
        yield message.SerializeToString()


def _by_labels(samples: Iterable[Sample], apart: str = "") -> Mapping[_LabelPairs, list[Sample]]:
    """The samples of one series each. The label `apart` tells them apart."""
    found: dict[_LabelPairs, list[Sample]] = {}
    for sample in samples:
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != apart))
        found.setdefault(labels, []).append(sample)
    return found
