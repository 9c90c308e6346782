"""An engine's page of metrics: where it is, what on it is the engine's own, and which number stands under which name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes.numbers.family import Family
from probes.numbers.number import Number
from probes.numbers.page import Numbers, Page, Value, total

Read = Callable[[Page], Value | None]
"""Finds a number on a page; None where it is not there, or cannot be."""


class Sum:
    """The samples of a name, added up whatever their labels. Several names are aliases, the newest first."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __call__(self, page: Page) -> float | None:
        samples = page.samples(*self.names)
        return total(samples) if samples else None


class Distribution:
    """A histogram by its name, all label sets together, or those with one `label`. Several names are aliases, the newest first."""

    def __init__(self, *names: str, label: tuple[str, str] | None = None) -> None:
        self.names = names
        self.label = label

    def __call__(self, page: Page) -> Value | None:
        return page.histogram(*self.names, label=self.label)


@dataclass(frozen=True, slots=True)
class Told:
    """A number that the engine tells. `help` says what it is with this engine, as it stands in the metric's help behind the engine's name."""

    number: Number
    read: Read
    help: str


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """The metrics that an engine serves.

    `prefixes` begin the names of its own: these are served on. `denied` are those among them that are not, unless the configuration wants them.
    `without_statistics` begin the names of what is served even where the engine's statistics are switched off.
    `begin_late` says that a series is there from its first event on only: a page without any is a good one, and what is missing on it is 0.
    """

    prefixes: tuple[str, ...]
    numbers: tuple[Told, ...]
    path: str = "/metrics"
    denied: tuple[str, ...] = ()
    without_statistics: tuple[str, ...] = ()
    begin_late: bool = False

    def read(self, families: Iterable[Family]) -> Numbers:
        """The numbers on a page, those left out that it does not have, or that cannot be; none of a page on which nothing is the engine's own."""
        page = Page(families)
        if not page.begins(*self.prefixes):
            return {}
        return {told.number: value for told in self.numbers if (value := told.read(page)) is not None}

    def helps(self) -> Mapping[Number, str]:
        return {told.number: told.help for told in self.numbers}
