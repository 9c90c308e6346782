"""Metric families and their samples, as an engine writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FamilyType = Literal["counter", "gauge", "histogram", "summary", "unknown"]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one series. `name` and `labels` are as the engine writes them, labels in its order."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family, named as in the plain text format.

    That format leaves `_total` to the engine: vLLM's counters have it in the family's name, TGI's have not. A family
    that was declared and has no series yet has no samples.
    """

    name: str
    type: FamilyType
    help: str
    samples: tuple[Sample, ...]
