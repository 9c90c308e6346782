"""The variables of a dashboard: what its reader chooses above it."""

from __future__ import annotations

from dataclasses import dataclass

STANDARD = ("datasource", "job", "instance", "backend", "target", "model", "scenario")
"""Those that links carry from one dashboard to the next; alerts name them in their links too."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Which Prometheus is asked. Every dashboard has it first; panels take it without saying so."""

    name: str = "datasource"
    label: str = "Data source"


@dataclass(frozen=True, slots=True)
class LabelValues:
    """The values that a label has on the series of a selector: none, one, several or all of them, which matches whatever is there."""

    name: str
    label: str
    selector: str
    of: str

    @property
    def query(self) -> str:
        return f"label_values({self.selector}, {self.of})"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values: pairs of what is shown and what stands in a query."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str
    """The value that it has at first."""

    def __post_init__(self) -> None:
        if self.chosen not in {value for _, value in self.options}:
            raise ValueError(f"{self.name}: {self.chosen} is none of its values; choose one of {', '.join(value for _, value in self.options)}")


Variable = DataSource | LabelValues | Choice
