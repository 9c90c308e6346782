"""What a scrape in Prometheus' protobuf format says, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from google.protobuf.proto import parse_length_prefixed
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.assembly import Metrics
from exporter.protobuf.schema import CONTENT_TYPE, HISTOGRAM, SUMMARY, MetricFamily
from tests.exporter.scrape import Labels, Scrape

ACCEPT = CONTENT_TYPE.replace("; ", ";") + ";q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
"""What Prometheus sends where it takes native histograms."""


def families(body: bytes) -> dict[str, Any]:
    """By name."""
    found: dict[str, Any] = {}
    stream = BytesIO(body)
    while (family := parse_length_prefixed(MetricFamily, stream)) is not None:
        assert family.name not in found, "a family stands there twice"
        found[family.name] = family
    return found


def scrape_messages(metrics: Metrics, accept: str = ACCEPT) -> dict[str, Any]:
    body, content_type = metrics.exposition.render(accept)
    assert content_type == CONTENT_TYPE
    return families(body)


def in_lines(found: dict[str, Any]) -> Scrape:
    """The same as the text formats have it: without what is native of histograms."""
    samples: dict[str, dict[Labels, float]] = {}
    exemplars: dict[tuple[str, Labels], Exemplar] = {}
    for family in found.values():
        for metric in family.metric:
            labels = {pair.name: pair.value for pair in metric.label}
            for name, more, value, message in _samples(family, metric):
                at = frozenset({**labels, **more}.items())
                series = samples.setdefault(name, {})
                assert at not in series, "a series stands there twice"
                series[at] = value
                if message is not None and message.HasField("exemplar"):
                    exemplars[name, at] = _exemplar(message.exemplar)
    return Scrape(samples, exemplars)


def _samples(family: Any, metric: Any) -> Iterator[tuple[str, dict[str, str], float, Any]]:
    name, kind = family.name, family.type
    if kind == HISTOGRAM:
        told = metric.histogram
        for bucket in told.bucket:
            yield f"{name}_bucket", {"le": bound(bucket.upper_bound)}, bucket.cumulative_count, bucket
    elif kind == SUMMARY:
        told = metric.summary
        for quantile in told.quantile:
            yield name, {"quantile": bound(quantile.quantile)}, quantile.value, None
    else:
        (single,) = (field for field, _ in metric.ListFields() if field.name != "label")
        message = getattr(metric, single.name)
        yield name, {}, message.value, message if single.name == "counter" else None
        return
    yield f"{name}_count", {}, told.sample_count, None
    yield f"{name}_sum", {}, told.sample_sum, None


def bound(value: float) -> str:
    """As Prometheus writes it in a label."""
    written: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return written


def _exemplar(message: Any) -> Exemplar:
    at = message.timestamp.seconds + message.timestamp.nanos / 1e9 if message.HasField("timestamp") else None
    return Exemplar({pair.name: pair.value for pair in message.label}, message.value, at)


def counts(spans: Iterable[Any], deltas: Iterable[int]) -> dict[int, int]:
    """By bucket."""
    found: dict[int, int] = {}
    bucket, count, left = 0, 0, iter(deltas)
    for span in spans:
        bucket += span.offset
        for _ in range(span.length):
            count += next(left)
            found[bucket] = count
            bucket += 1
    assert not list(left)
    return found
