"""What a metric is, and the labels that most of them carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalogue.buckets import Buckets

TARGET, BACKEND, MODEL, REPLICA = "target", "backend", "model", "replica"
TARGET_LABELS = (TARGET, BACKEND, MODEL)


@dataclass(frozen=True, slots=True)
class Metric:
    """One family: `name` as Prometheus stores it (`_total` included), and for histograms the buckets before thresholds of SLOs join them."""

    name: str
    type: Literal["counter", "gauge", "histogram", "summary"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: Buckets | None = None

    @property
    def bounds(self) -> tuple[float, ...]:
        return self.buckets.bounds if self.buckets else ()

    @property
    def bucket(self) -> str:
        return f"{self.name}_bucket"

    @property
    def sum(self) -> str:
        return f"{self.name}_sum"

    @property
    def count(self) -> str:
        return f"{self.name}_count"
