"""Serves the engines' own metrics under their own names, beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Literal, Self

from prometheus_client.core import CounterMetricFamily

from catalogue import own
from catalogue.metric import BACKEND, REPLICA, TARGET
from config.engine_metrics import Native
from exporter.native.claims import Claims, Title
from exporter.native.drops import DropReason, LeftOut
from exporter.native.escaping import escaped, escaped_help
from exporter.native.families import START_TIME
from exporter.native.labels import Labels
from exporter.native.needed import in_order, used_buckets, without_buckets
from exporter.native.series import FamilySeries, series_of
from exporter.native.text import Written, write
from probes.numbers.family import Family

RESERVED = frozenset({TARGET, BACKEND, REPLICA})
"""The labels that are ours on every relayed series.

A label of the engine with such a name is renamed to `exported_…`, even on a series that does not bear ours.
"""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What is relayed.

    `allow` and `deny` are patterns as in `fnmatch`, for names of families as the engine writes them. Without `allow`
    everything is relayed that is not denied. `buckets` says whether all buckets of histograms are, or those that
    something uses. `series_per_replica` is the budget of each page, `series_in_all` that
    of all pages together, of which each has an equal share.
    """

    on: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    buckets: Literal["used", "all"] = "used"
    series_per_replica: int = 2000
    series_in_all: int = 250_000

    @classmethod
    def of(cls, native: Native) -> Self:
        """As an operator wrote it."""
        return cls(native.relay, native.allow, native.deny, native.buckets, native.series_per_replica, native.series_in_all)

    def lets_through(self, name: str) -> bool:
        """Whether these settings allow a family of this name."""
        return name != START_TIME and (not self.allow or _matches(name, self.allow)) and not _matches(name, self.deny)


@dataclass(frozen=True, slots=True)
class Block:
    """The series of one family of one process, as lines, and as messages where these are asked for (`exporter.protobuf`)."""

    help: str
    lines: bytes
    series: int
    messages: bytes = b""


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

    def only(self, names: Set[str]) -> RelaySnapshot:
        """The families of these names, or of whose samples one is named so."""
        kept = RelaySnapshot()
        kept._families = [family for family in self._families if not names.isdisjoint(family[0].samples())]
        return kept

    def text(self) -> bytes:
        """In the plain text format 0.0.4."""
        return b"".join(self.text_parts())

    def text_parts(self) -> Iterator[bytes]:
        """The pieces of `text`, which are not copied."""
        return self._parts(lambda title: (title.name, title.text_type), escaped_help)

    def openmetrics(self) -> bytes:
        """In OpenMetrics 1.0.0, without the `# EOF` at its end."""
        return b"".join(self.openmetrics_parts())

    def openmetrics_parts(self) -> Iterator[bytes]:
        """The pieces of `openmetrics`, which are not copied."""
        return self._parts(lambda title: (title.openmetrics_name, title.openmetrics_type), escaped)

    def families(self) -> Iterator[tuple[Title, str, Sequence[Block]]]:
        """Each with its words, which it may have of any process."""
        for title, blocks in self._families:
            yield title, next((block.help for block in blocks if block.help), ""), blocks

    def _parts(self, declared: Callable[[Title], tuple[str, str]], escape: Callable[[str], str]) -> Iterator[bytes]:
        for title, words, blocks in self.families():
            name, kind = declared(title)
            if words:
                yield f"# HELP {name} {escape(words)}\n".encode()
            yield f"# TYPE {name} {kind}\n".encode()
            yield from (block.lines for block in blocks)


_Source = tuple[str, str | None]
"""A target and its replica."""


class Relay:
    """Keeps the series of each scraped process as lines that are ready to be served. Safe to call from any thread.

    A family that several targets have is served once, under the type that the first of them gave it. While that target
    serves it, a family of the same name and another type is dropped.

    Each replica has a budget of series, which whole families fill: first those that dashboards show, or that unified
    numbers are made of; of these, and of the others, histograms last, and the smallest first. A family that does not
    fit any more is dropped, and smaller ones behind it are still served.

    All replicas together have a budget too, of which each has an equal share: who comes last is not left without.

    With `messages`, which writes a family's series as messages, they are kept so too.
    """

    def __init__(self, settings: RelaySettings, messages: Callable[[FamilySeries], bytes] | None = None) -> None:
        self._messages = messages or (lambda _: b"")
        self._lock = Lock()
        self._settings = settings
        self._served: dict[_Source, dict[Title, Block]] = {}
        self._pages = 0
        self._claims: Claims[_Source] = Claims()
        self._dropped: dict[tuple[str, str, str], float] = {}

    def configure(self, settings: RelaySettings, pages: int = 0) -> None:
        """Use other settings, for each replica from its next `serve` on. `pages` is how many replicas there are.

        If nothing is to be relayed any more, all series end now.
        """
        with self._lock:
            self._settings = settings
            self._pages = pages
            if not settings.on:
                for source in list(self._served):
                    self._release(source)
                self._dropped.clear()

    def serve(self, target: str, backend: str, replica: str | None, families: Sequence[Family], lost: Sequence[LeftOut] = ()) -> tuple[LeftOut, ...]:
        """Serve these families in place of what this replica of the target had. Gives what is not served, and why.

        `replica` is None where there is only one. `lost` is what was left out when the page was read; that is counted
        too, even if nothing is to be relayed. Writes thousands of lines, so call it in a thread.
        """
        settings = self._settings
        if not settings.on:
            with self._lock:
                self._count((target, replica), lost)
            return tuple(lost)
        ours = {TARGET: target, BACKEND: backend} | ({} if replica is None else {REPLICA: replica})
        labels = Labels(ours, RESERVED)
        wanted, unused = _wanted(settings, backend, families)
        series = ((family, series_of(family, labels)) for family in in_order(backend, wanted))
        written = [(family, write(found), self._messages(found)) for family, found in series]
        with self._lock:
            left_out = (*lost, *((*unused, *self._replace((target, replica), written)) if self._settings.on else ()))
            self._count((target, replica), left_out)
        return left_out

    def drop(self, target: str, replica: str | None) -> None:
        """End the series of this replica of the target. What was counted of it stays."""
        with self._lock:
            self._release((target, replica))

    def forget(self, target: str, replica: str | None) -> None:
        """End the series of a replica that is gone, and forget what was counted of it."""
        with self._lock:
            self._release((target, replica))
            for reason in DropReason:
                self._dropped.pop((target, replica or "", reason), None)

    def dropped(self) -> Mapping[tuple[str, str, str], float]:
        """How many series were dropped, by target, replica and reason, since the replica's first `serve`.

        Each `serve` adds the series that it drops, so that a series which is dropped at every scrape counts every time.
        The replica is "" where there is only one.
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

    def _count(self, source: _Source, left_out: Iterable[LeftOut]) -> None:
        target, replica = source
        for one in left_out:
            key = target, replica or "", one.reason
            self._dropped[key] = self._dropped.get(key, 0) + one.series

    def _replace(self, source: _Source, written: Iterable[tuple[Family, Written, bytes]]) -> list[LeftOut]:
        target, replica = source
        self._release(source)
        for reason in DropReason:
            self._dropped.setdefault((target, replica or "", reason), 0)
        share = self._settings.series_in_all // max(1, self._pages)
        left = min(self._settings.series_per_replica, share)
        too_many = DropReason.BUDGET if left < share else DropReason.BUDGET_IN_ALL
        taken: dict[Title, Block] = {}
        left_out: list[LeftOut] = []
        for family, lines, messages in written:
            if lines.malformed:
                left_out.append(LeftOut(family.name, DropReason.MALFORMED, lines.malformed))
            if not lines.series:
                continue
            title = Title(family.name, family.type)
            conflict = self._claims.conflict(title)
            if conflict is not None:
                left_out.append(LeftOut(family.name, _CONFLICTS[conflict], lines.series))
            elif lines.series > left:
                left_out.append(LeftOut(family.name, too_many, lines.series))
            else:
                taken[title] = Block(family.help, lines.lines, lines.series, messages)
                self._claims.hold(title, source)
                left -= lines.series
        self._served[source] = taken
        return left_out

    def _release(self, source: _Source) -> None:
        self._claims.release(self._served.pop(source, ()), source)


_CONFLICTS = {"type": DropReason.TYPE_CONFLICT, "name": DropReason.NAME_CONFLICT}


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _wanted(settings: RelaySettings, backend: str, families: Iterable[Family]) -> tuple[list[Family], list[LeftOut]]:
    """The families that are let through, with the buckets that are wanted, and those buckets that are not."""
    let_through = [family for family in families if settings.lets_through(family.name)]
    if settings.buckets == "all":
        return let_through, []
    used = used_buckets(backend)
    wanted = [family if family.name in used else without_buckets(family) for family in let_through]
    missing = ((family.name, len(family.samples) - len(kept.samples)) for family, kept in zip(let_through, wanted, strict=True))
    return wanted, [LeftOut(name, DropReason.UNUSED_BUCKET, count) for name, count in missing if count]
