"""Metric families and their samples, as an engine writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FamilyType = Literal["counter", "gauge", "histogram", "summary", "unknown"]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value. `name` and `labels` are as the engine writes them, labels in its order."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family, named as in the plain text format: a counter of vLLM has `_total`, in the family's name too, one of TGI has not.

    A family that was declared before it has any series has no samples.
    """

    name: str
    type: FamilyType
    help: str
    samples: tuple[Sample, ...]
