"""An engine's page of metrics: its path, the prefixes of its names, and which number stands under which name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes.numbers.family import Family
from probes.numbers.number import Number
from probes.numbers.page import Numbers, Page, Value, total

Read = Callable[[Page], Value | None]
"""Finds a number on a page; None where it is missing, or cannot be read."""


class Sum:
    """Adds up the samples of a name, whatever their labels. Further names are aliases, the newest first."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __call__(self, page: Page) -> float | None:
        samples = page.samples(*self.names)
        return total(samples) if samples else None


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
class OwnMetrics:
    """The metrics that an engine serves at `path`.

    - `prefixes` begin the names of its own families. These are relayed.
    - `denied` are names of families that are relayed only if the configuration asks for them.
    - `without_statistics` begin the names that it serves even with its statistics switched off.
    - `begin_late`: a series appears with its first event. So a page without any series is a good one.
    """

    prefixes: tuple[str, ...]
    numbers: tuple[Told, ...]
    path: str = "/metrics"
    denied: tuple[str, ...] = ()
    without_statistics: tuple[str, ...] = ()
    begin_late: bool = False

    def read(self, families: Iterable[Family]) -> Numbers:
        """The numbers that the page has and that can be read; none if no series on it is the engine's own."""
        page = Page(families)
        if not page.begins(*self.prefixes):
            return {}
        return {told.number: value for told in self.numbers if (value := told.read(page)) is not None}

    def helps(self) -> Mapping[Number, str]:
        return {told.number: told.help for told in self.numbers}
