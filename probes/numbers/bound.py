"""Reads the number in a label `le` or `quantile`."""

from __future__ import annotations

import math
import re
from functools import lru_cache

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|\+?[iI]nf")
_LENGTH = 32
"""Characters of a label whose number is kept at most."""


def bound(label: str) -> float:
    """The number; NaN for what is none to Prometheus.

    Python's own `float` takes more: `1_0`, digits of other scripts, a number with a line end behind it.
    """
    return _known(label) if len(label) <= _LENGTH else _read(label)


def _read(label: str) -> float:
    return float(label) if _NUMBER.fullmatch(label) else math.nan


_known = lru_cache(1024)(_read)
"""The bounds of all histograms are the same at each scrape."""
