"""Where a bucket or quantile ends: the number that its label `le` or `quantile` holds."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|\+?[iI]nf")


def bound(label: str) -> float:
    """NaN for what is no number to Prometheus, though it may be one to Python: `1_0`, other scripts' digits, a line end behind a number."""
    return float(label) if _NUMBER.fullmatch(label) else math.nan
