"""Serves the engines' own metrics under their own names, beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock

from prometheus_client.core import CounterMetricFamily

from catalogue import own
from catalogue.metric import BACKEND, REPLICA, TARGET
from exporter.native.claims import Claims, Title
from exporter.native.families import START_TIME
from exporter.native.text import Labels, Written, escaped, escaped_help, write
from probes.numbers.family import Family

RESERVED = frozenset({TARGET, BACKEND, REPLICA})
"""The labels that are ours on every relayed series.

A label of the engine with such a name is renamed to `exported_…`, even on a series that does not bear ours.
"""


class DropReason(StrEnum):
    """Why a series that the filters let through is not served."""

    BUDGET = "budget"
    """The target has more series than are relayed of one."""
    TYPE_CONFLICT = "type_conflict"
    """Another target has a family of this name and another type."""
    NAME_CONFLICT = "name_conflict"
    """Another family stands in the way of this one's name: in OpenMetrics a counter `x_total` takes `x`."""
    MALFORMED = "malformed"
    """OpenMetrics does not allow for it: a negative or missing count, a histogram without its last bucket, a series
    that stands there twice.
    """


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What is relayed.

    `allow` and `deny` are patterns as in `fnmatch`, for names of families as the engine writes them. Without `allow`
    everything is relayed that is not denied. `series_per_target` is the budget of each target.
    """

    on: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    series_per_target: int = 2000

    def lets_through(self, name: str) -> bool:
        """Whether these settings allow a family of this name."""
        return name != START_TIME and (not self.allow or _matches(name, self.allow)) and not _matches(name, self.deny)


@dataclass(frozen=True, slots=True)
class Block:
    """The series of one family of one process, as lines."""

    help: str
    lines: bytes
    series: int


class RelaySnapshot:
    """What is relayed at one moment; it never changes. Families are sorted by name, and their series by target."""

    def __init__(self, pages: Iterable[Mapping[Title, Block]] = ()) -> None:
        found: dict[Title, list[Block]] = {}
        for page in pages:
            for title, block in page.items():
                found.setdefault(title, []).append(block)
        self._families = sorted(found.items(), key=lambda family: family[0].name)

    @property
    def series(self) -> int:
        return sum(block.series for _, blocks in self._families for block in blocks)

    def text(self) -> bytes:
        """In the plain text format 0.0.4."""
        return b"".join(self._parts(lambda title: (title.name, title.text_type), escaped_help))

    def openmetrics(self) -> bytes:
        """In OpenMetrics 1.0.0, without the `# EOF` at its end."""
        return b"".join(self._parts(lambda title: (title.openmetrics_name, title.openmetrics_type), escaped))

    def _parts(self, declared: Callable[[Title], tuple[str, str]], escape: Callable[[str], str]) -> Iterator[bytes]:
        for title, blocks in self._families:
            name, kind = declared(title)
            if words := next((block.help for block in blocks if block.help), None):
                yield f"# HELP {name} {escape(words)}\n".encode()
            yield f"# TYPE {name} {kind}\n".encode()
            yield from (block.lines for block in blocks)


_Source = tuple[str, str | None]
"""A target and its replica."""


class Relay:
    """Keeps the series of each scraped process as lines that are ready to be served. Safe to call from any thread.

    A family that several targets have is served once, under the type that the first of them gave it. While that target
    serves it, a family of the same name and another type is dropped.

    Each target has a budget of series, which whole families fill: histograms last, and each kind by name. A family that
    does not fit any more is dropped, and smaller ones behind it are still served.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._lock = Lock()
        self._settings = settings
        self._served: dict[_Source, dict[Title, Block]] = {}
        self._claims: Claims[_Source] = Claims()
        self._dropped: dict[tuple[str, str], float] = {}

    def configure(self, settings: RelaySettings) -> None:
        """Use other settings, for each target from its next `serve` on.

        If nothing is to be relayed any more, all series end now.
        """
        with self._lock:
            self._settings = settings
            if not settings.on:
                for source in list(self._served):
                    self._release(source)
                self._dropped.clear()

    def serve(self, target: str, backend: str, replica: str | None, families: Sequence[Family]) -> None:
        """Serve these families in place of what this replica of the target had.

        `replica` is None where there is only one. Writes thousands of lines, so call it in a thread.
        """
        settings = self._settings
        if not settings.on:
            return
        ours = {TARGET: target, BACKEND: backend} | ({} if replica is None else {REPLICA: replica})
        labels = Labels(ours, RESERVED)
        written = [(family, write(family, labels)) for family in sorted(families, key=_order) if settings.lets_through(family.name)]
        with self._lock:
            if self._settings.on:
                self._replace((target, replica), written)

    def drop(self, target: str, replica: str | None) -> None:
        """End the series of this replica of the target. What was counted of it stays."""
        with self._lock:
            self._release((target, replica))

    def forget(self, target: str) -> None:
        """End all series of a target that is gone, and forget what was counted of it."""
        with self._lock:
            for source in [source for source in self._served if source[0] == target]:
                self._release(source)
            for reason in DropReason:
                self._dropped.pop((target, reason), None)

    def dropped(self) -> Mapping[tuple[str, str], float]:
        """How many series were dropped, by target and reason, since the target's first `serve`.

        Each `serve` adds the series that it drops, so that a series which is dropped at every scrape counts every time.
        """
        with self._lock:
            return dict(self._dropped)

    def now(self) -> RelaySnapshot:
        """What is served now: of each process what its last `serve` brought, unless it was dropped."""
        with self._lock:
            sources = sorted(self._served, key=lambda source: (source[0], source[1] or ""))
            pages = [self._served[source] for source in sources]
        return RelaySnapshot(pages)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counter of dropped series, for a registry of prometheus-client."""
        metric = own.NATIVE_SERIES_DROPPED
        family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, count in self.dropped().items():
            family.add_metric(labels, count)
        yield family

    def _replace(self, source: _Source, written: Iterable[tuple[Family, Written]]) -> None:
        target = source[0]
        self._release(source)
        for reason in DropReason:
            self._dropped.setdefault((target, reason), 0)
        left = self._settings.series_per_target - sum(_count(page) for other, page in self._served.items() if other[0] == target)
        taken: dict[Title, Block] = {}
        for family, lines in written:
            self._dropped[target, DropReason.MALFORMED] += lines.malformed
            title = Title(family.name, family.type)
            conflict = self._claims.conflict(title)
            if conflict is not None:
                self._dropped[target, _CONFLICTS[conflict]] += lines.series
            elif lines.series > left:
                self._dropped[target, DropReason.BUDGET] += lines.series
            elif lines.series:
                taken[title] = Block(family.help, lines.lines, lines.series)
                self._claims.hold(title, source)
                left -= lines.series
        self._served[source] = taken

    def _release(self, source: _Source) -> None:
        self._claims.release(self._served.pop(source, ()), source)


_CONFLICTS = {"type": DropReason.TYPE_CONFLICT, "name": DropReason.NAME_CONFLICT}


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _order(family: Family) -> tuple[bool, str]:
    """The order in which families fill the budget."""
    return family.type == "histogram", family.name


def _count(page: Mapping[Title, Block]) -> int:
    return sum(block.series for block in page.values())
