"""Expositions of real shape on disk, and what a mapping makes of families."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from catalogue.metric import Metric
from exporter.native.families import Family, parse
from exporter.native.mapping.source import Value

FOLDER = Path(__file__).parents[2] / "data" / "native"
PLAIN = "text/plain; charset=utf-8"

Mapping = Callable[[Sequence[Family]], Iterable[tuple[Metric, Value | None]]]


def text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text()


def families(exposition: str) -> tuple[Family, ...]:
    return parse(exposition.encode(), PLAIN)


def of_metrics(mapping: Mapping, exposition: str) -> dict[Metric, Value]:
    """The metrics that this text has, each once."""
    found = [(metric, value) for metric, value in mapping(families(exposition)) if value is not None]
    assert len(dict(found)) == len(found)
    return dict(found)
