"""The engines' own metrics under their own names, beside ours."""

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
"""The labels that are ours on every relayed series; those of the engine with such a name become `exported_…`, whether or not ours is there."""


class DropReason(StrEnum):
    """Why a series that the filters let through is not served."""

    BUDGET = "budget"
    """The target has more series than are relayed of one."""
    TYPE_CONFLICT = "type_conflict"
    """Another target has a family of this name and another type."""
    NAME_CONFLICT = "name_conflict"
    """Another family stands in the way of this one's name: in OpenMetrics a counter `x_total` takes `x`."""
    MALFORMED = "malformed"
    """OpenMetrics does not allow for it: a negative or missing count, a histogram without its last bucket, a series that stands there twice."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What is relayed. `allow` and `deny` are patterns as in `fnmatch` for names of families, as the engine writes them; without `allow`, all that
    is not denied."""

    on: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    series_per_target: int = 2000

    def lets_through(self, name: str) -> bool:
        """Whether a family of this name is relayed as far as the filters are concerned."""
        return name != START_TIME and (not self.allow or _matches(name, self.allow)) and not _matches(name, self.deny)


@dataclass(frozen=True, slots=True)
class Block:
    """One family's series of one process, as lines."""

    help: str
    lines: bytes
    series: int


class Relayed:
    """What is relayed at one moment; it does not change any more. Families are in the order of their names, their series in that of targets."""

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
        """In OpenMetrics 1.0.0, without the `# EOF` behind the last family."""
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
    """Keeps what each scraped process had, as lines ready to be served. Safe to call from any thread.

    A family that several targets have is served as one, under the type that the first of them gave it; while that one serves it, a family of that
    name and another type is dropped. Of each target whole families are served until its budget is full: those of one series or few before
    histograms, each in the order of names; one that is too large for what is left does not stop smaller ones behind it.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._lock = Lock()
        self._settings = settings
        self._served: dict[_Source, dict[Title, Block]] = {}
        self._claims: Claims[_Source] = Claims()
        self._dropped: dict[tuple[str, str], float] = {}

    def configure(self, settings: RelaySettings) -> None:
        """Other settings: each target follows them from its next `put`, but where nothing is to be relayed any more, all goes now."""
        with self._lock:
            self._settings = settings
            if not settings.on:
                for source in list(self._served):
                    self._release(source)
                self._dropped.clear()

    def put(self, target: str, backend: str, replica: str | None, families: Sequence[Family]) -> None:
        """Serve these in place of what this replica of the target (None: the only one) had. Writes thousands of lines: call it in a thread."""
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
        """Serve nothing of this replica of the target (None: the only one) any more; what was counted of it stays."""
        with self._lock:
            self._release((target, replica))

    def forget(self, target: str) -> None:
        """The target is gone: all of its series, and what was counted of it."""
        with self._lock:
            for source in [source for source in self._served if source[0] == target]:
                self._release(source)
            for reason in DropReason:
                self._dropped.pop((target, reason), None)

    def dropped(self) -> Mapping[tuple[str, str], float]:
        """How many series were left out, by target and reason: each `put` adds those that it leaves out. At 0 from a target's first one on."""
        with self._lock:
            return dict(self._dropped)

    def now(self) -> Relayed:
        """What is served: of each process all that its last `put` brought, or nothing."""
        with self._lock:
            sources = sorted(self._served, key=lambda source: (source[0], source[1] or ""))
            pages = [self._served[source] for source in sources]
        return Relayed(pages)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """A collector of prometheus-client, for what was dropped."""
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
    """In which families are taken: those of few series first."""
    return family.type == "histogram", family.name


def _count(page: Mapping[Title, Block]) -> int:
    return sum(block.series for block in page.values())
