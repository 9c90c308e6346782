"""Durations as an operator writes them. The reader's errors are like those of `config/quantities.py`."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400), "w": Decimal(604800)}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|w)", re.ASCII)
_LONGEST_SECONDS = 366 * 86400


def read_duration(written: object) -> float:
    """Seconds, to the microsecond, of a duration like `15s`, `100ms`, `1.5s`, `1m30s` or `30d`."""
    if not isinstance(written, str):
        raise ValueError("is not a duration; write a number with its unit, like 15s, 100ms, 1m30s or 30d")
    parts = _PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError("is not a duration; write a number with its unit (ms, s, m, h, d, w), like 15s, 100ms, 1m30s or 30d")
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key=lambda unit: -_UNITS[unit]):
        raise ValueError("is not a duration; write each unit once, the largest first, like 1m30s")
    seconds = round(sum((Decimal(number) * _UNITS[unit] for number, unit in parts), Decimal()), 6)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError("is out of range; write a duration longer than 0 and no longer than 366d")
    return float(seconds)


def write_duration(seconds: float) -> str:
    """The shortest text that reads back as `seconds`: whole numbers of the largest units."""
    left = Decimal(str(seconds))
    written = ""
    for unit in ("d", "h", "m"):
        whole, left = divmod(left, _UNITS[unit])
        written += f"{whole:f}{unit}" if whole else ""
    if left and left < 1 and not written:
        return f"{(left * 1000).normalize():f}ms"
    return written + (f"{left.normalize():f}s" if left else "")
