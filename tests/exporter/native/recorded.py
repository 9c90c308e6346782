"""Expositions of real shape on disk, and the families that they hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from exporter.native.families import Page, parse
from probes import backends
from probes.numbers.family import Family
from probes.numbers.own_metrics import OwnMetrics
from probes.numbers.page import Numbers

FOLDER = Path(__file__).parents[2] / "probes" / "backends" / "fixtures"
PLAIN = "text/plain; charset=utf-8"
PREFIXES = tuple(prefix for backend in backends.BACKENDS.values() if backend.metrics for prefix in backend.metrics.prefixes)
"""Of the metrics of all engines."""
NUMBERS = tuple(told for backend in backends.BACKENDS.values() if backend.metrics for told in backend.metrics.numbers)
"""Of all engines."""


def text(name: str) -> str:
    """By engine and version: `vllm-0.32`."""
    engine, _, version = name.partition("-")
    return (FOLDER / engine / f"metrics-{version}.txt").read_text()


def page(body: bytes, content_type: str = PLAIN) -> Page:
    """What is read of all engines."""
    return parse(body, content_type, OwnMetrics(prefixes=PREFIXES, numbers=NUMBERS))


def parsed(body: bytes, content_type: str) -> tuple[Family, ...]:
    """The families of all engines."""
    return page(body, content_type).families


def families(exposition: str) -> tuple[Family, ...]:
    return parsed(exposition.encode(), PLAIN)


def numbers(backend: str, found: Iterable[Family]) -> Numbers:
    """What an engine tells by these families."""
    own = backends.get(backend).metrics
    assert own is not None
    return own.read(found)


def told(backend: str, exposition: str) -> Numbers:
    return numbers(backend, families(exposition))
