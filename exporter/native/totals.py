"""One number out of what an engine told."""

from __future__ import annotations

import math
from collections.abc import Iterable

from exporter.native.families import Family


def total(families: Iterable[Family], name: str) -> float | None:
    """The sum of all samples of that name, whatever their labels; None where there is none, or one of them is no finite number."""
    values = [sample.value for family in families for sample in family.samples if sample.name == name]
    return sum(values) if values and all(map(math.isfinite, values)) else None
