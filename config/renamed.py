"""Keys that had another name before: they are read still, and that is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.engine_metrics import SERIES_BEFORE
from config.rules import Finding


def renamed(data: Mapping[str, Any]) -> Iterator[Finding]:
    """What is said of such keys of a configuration, as it was written."""
    native = data.get("native")
    if isinstance(native, dict) and SERIES_BEFORE in native:
        yield ("native", SERIES_BEFORE), "is called series_per_replica now, and each replica of a target has as many for itself; write that"
