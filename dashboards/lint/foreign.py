"""Series that are neither in the catalogue nor recorded by us, and that dashboards may ask for nevertheless: each with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Foreign:
    """`labels` None: whatever the one who makes it gives it."""

    name: str
    kind: Literal["counter", "gauge"]
    reason: str
    labels: tuple[str, ...] | None = ("job", "instance")


FOREIGN = (
    Foreign("ALERTS", "gauge", "Prometheus' own: the alerts that are pending or fire, with the labels of each", None),
    Foreign("up", "gauge", "Prometheus' own: whether the exporter could be scraped"),
    Foreign("scrape_duration_seconds", "gauge", "Prometheus' own: how long a scrape of the exporter takes"),
    Foreign("scrape_samples_scraped", "gauge", "Prometheus' own: what a scrape of the exporter costs"),
    Foreign("process_cpu_seconds_total", "counter", "of the client library: what the exporter's main process costs"),
    Foreign("process_resident_memory_bytes", "gauge", "of the client library: what the exporter's main process costs"),
    Foreign("process_start_time_seconds", "gauge", "of the client library: when the exporter was started"),
    Foreign("process_open_fds", "gauge", "of the client library: connections of the exporter"),
    Foreign("process_max_fds", "gauge", "of the client library: connections that the exporter may have"),
)
