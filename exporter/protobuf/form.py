"""Prometheus' protobuf format as a form of the exposition: the only one that has native histograms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric as Collected

from exporter.metrics.families import Family
from exporter.native.relay import RelaySnapshot
from exporter.protobuf.kept import KeptMessages
from exporter.protobuf.relayed import relayed_families
from exporter.protobuf.schema import CONTENT_TYPE
from exporter.protobuf.writing import as_messages


@dataclass(frozen=True, slots=True)
class Messages:
    """One message of each family, its length before it. With `created`, counters and histograms of ours tell when they began."""

    created: bool

    @property
    def content_type(self) -> str:
        return CONTENT_TYPE

    @property
    def tells_created(self) -> bool:
        return self.created

    def keep(self, family: Family) -> KeptMessages:
        return KeptMessages(family, created=self.created)

    def write(self, family: Collected) -> bytes:
        return as_messages(family, created=self.created)

    def relayed(self, snapshot: RelaySnapshot) -> Iterator[bytes]:
        return relayed_families(snapshot)

    @property
    def end(self) -> bytes:
        return b""
