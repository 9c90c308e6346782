"""The forms of an exposition, and which of them a scraper prefers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from prometheus_client.metrics_core import Metric as Collected

from exporter.metrics.families import Family
from exporter.native.relay import RelaySnapshot
from exporter.negotiation import Wish, wishes
from exporter.web.kept import Form as LineForm
from exporter.web.kept import KeptFamily

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_EOF = b"# EOF\n"

_PROTOBUF = {"proto": "io.prometheus.client.metricfamily", "encoding": "delimited"}
"""How it is asked for; it has other encodings."""

Name = Literal["text", "openmetrics", "protobuf"]


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
        """The pieces of what is relayed, and the end of the exposition."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Plain text or OpenMetrics."""

    form: LineForm

    @property
    def content_type(self) -> str:
        return OPENMETRICS if self.form.openmetrics else TEXT

    @property
    def tells_created(self) -> bool:
        return self.form.tells_created

    def keep(self, family: Family) -> Kept:
        return KeptFamily(family, self.form)

    def write(self, family: Collected) -> bytes:
        return self.form.write(family)

    def relayed(self, snapshot: RelaySnapshot) -> Iterator[bytes]:
        if self.form.openmetrics:
            yield from snapshot.openmetrics_parts()
            yield _EOF
        else:
            yield from snapshot.text_parts()


def preferred(accept: str, *, protobuf: bool = False) -> Name:
    """Which of them an `Accept` header prefers, protobuf only where it is offered; of equals protobuf, then OpenMetrics. Plain text where it asks
    for none."""
    liked: dict[Name, float] = {"protobuf": 0.0, "openmetrics": 0.0, "text": 0.0}
    for wish in wishes(accept):
        name = _asked(wish)
        if name is not None and (protobuf or name != "protobuf"):
            liked[name] = max(liked[name], wish.quality)
    best = max(liked, key=lambda name: liked[name])
    return best if liked[best] > 0 else "text"


def _asked(wish: Wish) -> Name | None:
    match wish.name:
        case "application/vnd.google.protobuf" if wish.parameters.items() >= _PROTOBUF.items():
            return "protobuf"
        case "application/openmetrics-text" if wish.parameters.get("version", "1.0.0") == "1.0.0":
            return "openmetrics"
        case "text/plain" | "text/*":
            return "text"
    return None
