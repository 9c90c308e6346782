"""An engine's page of metrics: its path, the prefixes of its names, and which number stands under which name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from probes.numbers.family import Family
from probes.numbers.number import Number
from probes.numbers.page import Numbers, Page, Value, total

PARTS = ("_bucket", "_count", "_sum")
"""What stands behind a histogram's name in the names of its samples."""


class Read(Protocol):
    """Finds a number on a page; None where it is missing, or cannot be read. `names` are the families that it looks at."""

    names: tuple[str, ...]

    def __call__(self, page: Page) -> Value | None: ...


class Sum:
    """Adds up the samples of a name, whatever their labels. Further names are aliases, the newest first."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __call__(self, page: Page) -> float | None:
        samples = page.samples(*self.names)
        return total(samples) if samples else None


class Derived:
    """A number that is made of these families in a way of its own."""

    def __init__(self, read: Callable[[Page], Value | None], *names: str) -> None:
        self.names = names
        self._read = read

    def __call__(self, page: Page) -> Value | None:
        return self._read(page)


class Distribution:
    """A histogram by its name: all label sets together, or those with one `label`.

    Further names are aliases, the newest first.
    """

    def __init__(self, *names: str, label: tuple[str, str] | None = None) -> None:
        self.names = names
        self.label = label

    def __call__(self, page: Page) -> Value | None:
        return page.histogram(*self.names, label=self.label)


@dataclass(frozen=True, slots=True)
class Told:
    """A number that the engine tells.

    `help` says what it is with this engine. In the metric's help it stands behind the engine's name.
    """

    number: Number
    read: Read
    help: str


@dataclass(frozen=True, slots=True)
class Series:
    """About how many series of one process are relayed once it has answered, of its newest known version.

    `used` counts of the buckets those that something uses, `whole` all of them.
    """

    used: int
    whole: int


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """The metrics that an engine serves at `path`.

    - `prefixes` begin the names of its own families. These are relayed.
    - `denied` are names of families that are relayed only if the configuration asks for them.
    - `without_statistics` begin the names that it serves even with its statistics switched off.
    - `begin_late`: a series appears with its first event. So a page without any series is a good one.
    - `unprefixed` are names without the first prefix, for servers that have the engine inside and leave it out.
    - `gateway_prefix` is what a gateway that serves on the pages of its engines writes in place of the first prefix.
    - `usual` says how many series a page has.
    """

    prefixes: tuple[str, ...]
    numbers: tuple[Told, ...]
    path: str = "/metrics"
    denied: tuple[str, ...] = ()
    without_statistics: tuple[str, ...] = ()
    begin_late: bool = False
    unprefixed: tuple[str, ...] = ()
    gateway_prefix: str = ""
    usual: Series | None = None

    @property
    def sources(self) -> frozenset[str]:
        """The families that the numbers are made of."""
        return frozenset(name for told in self.numbers for name in told.read.names)

    @property
    def distributions(self) -> frozenset[str]:
        """Those of them whose buckets are needed. Of other histograms a sum or a count is enough."""
        return frozenset(name for told in self.numbers if isinstance(told.read, Distribution) for name in told.read.names)

    def read(self, families: Iterable[Family], unread: Collection[str] = ()) -> Numbers:
        """The numbers that the page has and that can be read; none if no series on it is the engine's own.

        `unread` are names of samples some of which are missing here. No number is made of these, as what is left of a
        sum would look like a reset.
        """
        page = Page(families)
        if not page.begins(*self.prefixes):
            return {}
        whole = (told for told in self.numbers if not any(name + part in unread for name in told.read.names for part in ("", *PARTS)))
        return {told.number: value for told in whole if (value := told.read(page)) is not None}

    def helps(self) -> Mapping[Number, str]:
        return {told.number: told.help for told in self.numbers}
