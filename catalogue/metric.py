"""What a metric is, and the labels that most metrics carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalogue.buckets import Buckets

TARGET, BACKEND, MODEL, REPLICA = "target", "backend", "model", "replica"
TARGET_LABELS = (TARGET, BACKEND, MODEL)
_UNITS = ("seconds", "bytes", "ratio")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family.

    `name` is as Prometheus stores it, `_total` included. `buckets` are those of a histogram, before thresholds of SLOs
    join them.
    """

    name: str
    type: Literal["counter", "gauge", "histogram", "summary"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: Buckets | None = None

    @property
    def unit(self) -> str:
        """As OpenMetrics has it, where it is the end of the name; empty where there is none."""
        return next((unit for unit in _UNITS if self.name.removesuffix("_total").endswith(f"_{unit}")), "")

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
