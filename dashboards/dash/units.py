"""The units that a panel may have: Grafana's ids."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """A unit by Grafana's id. What Grafana has no word for (tokens) is `NUMBER`, and the title says what is counted."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    RATIO = "percentunit"
    """A share from 0 to 1, shown as a percentage."""
    NUMBER = "short"
    """Abbreviated: 1500 is shown as 1.5 K."""
    PLAIN = "none"
    """As it is: 1500 is shown as 1500."""
    REQUESTS_PER_SECOND = "reqps"
    PER_SECOND = "cps"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    CELSIUS = "celsius"
    WATTS = "watt"
    SINCE = "dateTimeFromNow"
    """An instant in milliseconds since the epoch, shown as how long ago it was."""
    DATE = "dateTimeAsIso"
    """An instant in milliseconds since the epoch."""
    TEXT = "string"
