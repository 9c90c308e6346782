"""The messages of `io.prometheus.client` (github.com/prometheus/client_model, io/prometheus/client/metrics.proto), as far as they are written here.

They are built when this is imported. Code that protoc generates stops working two major versions of its library later; this does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM = range(5)
"""Types of families (`MetricType`)."""

_PACKAGE = "io.prometheus.client"
_TIMESTAMP = "google.protobuf.Timestamp"
_FIELDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "LabelPair": {"name": (1, "string"), "value": (2, "string")},
    "Exemplar": {"label": (1, "repeated LabelPair"), "value": (2, "double"), "timestamp": (3, _TIMESTAMP)},
    "Gauge": {"value": (1, "double")},
    "Untyped": {"value": (1, "double")},
    "Counter": {"value": (1, "double"), "exemplar": (2, "Exemplar"), "created_timestamp": (3, _TIMESTAMP)},
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
    "Summary": {"sample_count": (1, "uint64"), "sample_sum": (2, "double"), "quantile": (3, "repeated Quantile")},
    "Bucket": {"cumulative_count": (1, "uint64"), "upper_bound": (2, "double"), "exemplar": (3, "Exemplar")},
    "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
    "Histogram": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "bucket": (3, "repeated Bucket"),
        "schema": (5, "sint32"),
        "zero_threshold": (6, "double"),
        "zero_count": (7, "uint64"),
        "negative_span": (9, "repeated BucketSpan"),
        "negative_delta": (10, "repeated sint64"),
        "positive_span": (12, "repeated BucketSpan"),
        "positive_delta": (13, "repeated sint64"),
        "created_timestamp": (15, _TIMESTAMP),
    },
    "Metric": {
        "label": (1, "repeated LabelPair"),
        "gauge": (2, "Gauge"),
        "counter": (3, "Counter"),
        "summary": (4, "Summary"),
        "untyped": (5, "Untyped"),
        "histogram": (7, "Histogram"),
    },
    "MetricFamily": {
        "name": (1, "string"),
        "help": (2, "string"),
        "type": (3, "MetricType"),
        "metric": (4, "repeated Metric"),
        "unit": (5, "string"),
    },
}
"""By message and name: a field's number, and its type as in a `.proto` file; `optional` where it is not said otherwise."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="io/prometheus/client/metrics.proto", package=_PACKAGE, syntax="proto2")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    types = file.enum_type.add(name="MetricType")
    for number, name in enumerate(("COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM")):
        types.value.add(name=name, number=number)
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            described.field.add(name=name, number=number, **_typed(kind))
    return file


def _typed(kind: str) -> dict[str, Any]:
    """Type and label of a field, as a descriptor has them."""
    field = descriptor_pb2.FieldDescriptorProto
    name = kind.removeprefix("repeated ")
    label = field.LABEL_OPTIONAL if name == kind else field.LABEL_REPEATED
    if name == "MetricType":
        return {"label": label, "type": field.TYPE_ENUM, "type_name": f".{_PACKAGE}.{name}"}
    if name in _FIELDS or name == _TIMESTAMP:
        return {"label": label, "type": field.TYPE_MESSAGE, "type_name": f".{name}" if name == _TIMESTAMP else f".{_PACKAGE}.{name}"}
    return {"label": label, "type": field.Type.Value(f"TYPE_{name.upper()}")}


def _classes() -> Mapping[str, Any]:
    """In a pool of their own: another library may have messages of the same names."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _FIELDS}


_CLASSES = _classes()
LabelPair: Any = _CLASSES["LabelPair"]
MetricFamily: Any = _CLASSES["MetricFamily"]
