"""Reads the number in a label `le` or `quantile`."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|\+?[iI]nf")


def bound(label: str) -> float:
    """The number; NaN for what is none to Prometheus.

    Python's own `float` takes more: `1_0`, digits of other scripts, a number with a line end behind it.
    """
    return float(label) if _NUMBER.fullmatch(label) else math.nan
