"""The forms of an exposition, and which of them a scraper prefers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from prometheus_client.metrics_core import Metric as Collected

from exporter.metrics.families import Family
from exporter.native.relay import RelaySnapshot
from exporter.negotiation import Wish, wishes
from exporter.web.kept import KeptFamily
from exporter.web.writing import as_openmetrics, as_text, exemplar_text

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_PROTOBUF = {"proto": "io.prometheus.client.metricfamily", "encoding": "delimited"}
"""How it is asked for; it has other encodings."""

_Name = Literal["text", "openmetrics", "protobuf"]


class Kept(Protocol):
    """A family of ours in one form, of which is kept what did not change."""

    kept_bytes: int

    @property
    def series(self) -> int: ...

    @property
    def names(self) -> frozenset[str]:
        """Its own name, and those of its samples."""
        ...

    def parts(self, most_kept_bytes: int) -> Iterator[bytes]:
        """Its pieces. What is kept of them for the next time takes no more memory than is said."""
        ...


class Form(Protocol):
    """One of them; forms that are written alike are equal."""

    @property
    def content_type(self) -> str: ...

    @property
    def tells_created(self) -> bool:
        """Whether counters and histograms have it when they began."""
        ...

    def keep(self, family: Family) -> Kept: ...

    def write(self, family: Collected) -> bytes:
        """A family that is not kept."""
        ...

    def relayed(self, snapshot: RelaySnapshot) -> Iterator[bytes]:
        """The pieces of what is relayed."""
        ...

    @property
    def end(self) -> bytes:
        """What stands behind everything."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Plain text or OpenMetrics. With `created`, OpenMetrics tells when each counter and histogram of ours began."""

    openmetrics: bool
    created: bool

    @property
    def content_type(self) -> str:
        return OPENMETRICS if self.openmetrics else TEXT

    @property
    def tells_created(self) -> bool:
        return self.openmetrics and self.created

    def keep(self, family: Family) -> Kept:
        return KeptFamily(family, self.write, exemplar_text if self.openmetrics else lambda _: "", created=self.tells_created)

    def write(self, family: Collected) -> bytes:
        return as_openmetrics(family) if self.openmetrics else as_text(family)

    def relayed(self, snapshot: RelaySnapshot) -> Iterator[bytes]:
        return snapshot.openmetrics_parts() if self.openmetrics else snapshot.text_parts()

    @property
    def end(self) -> bytes:
        return b"# EOF\n" if self.openmetrics else b""


def preferred(accept: str, *, created: bool = False, protobuf: Callable[[bool], Form] | None = None) -> Form:
    """The form that an `Accept` header prefers; of equals protobuf, then OpenMetrics. Plain text where it asks for none.

    With `created`, it tells when counters and histograms began, where it can. `protobuf` gives that form, with or without `created`, where it is
    offered.
    """
    liked: dict[_Name, float] = {"protobuf": 0.0, "openmetrics": 0.0, "text": 0.0}
    for wish in wishes(accept):
        name = _asked(wish)
        if name is not None and (name != "protobuf" or protobuf is not None):
            liked[name] = max(liked[name], wish.quality)
    best = max(liked, key=lambda name: liked[name])
    if liked[best] > 0 and best == "protobuf" and protobuf is not None:
        return protobuf(created)
    return Lines(liked[best] > 0 and best == "openmetrics", created)


def _asked(wish: Wish) -> _Name | None:
    match wish.name:
        case "application/vnd.google.protobuf" if wish.parameters.items() >= _PROTOBUF.items():
            return "protobuf"
        case "application/openmetrics-text" if wish.parameters.get("version", "1.0.0") == "1.0.0":
            return "openmetrics"
        case "text/plain" | "text/*":
            return "text"
    return None
