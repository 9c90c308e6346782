"""The windows over which burn rates are told, and the pairs of them that alert, for an objective's period.

A burn rate is the share of bad attempts in a window divided by the share that the objective allows: at 1, the error budget lasts exactly the period.
An alert needs two windows: the long one says that enough of the budget is gone, the short one that it is still going, so that the alert ends soon
after the trouble does. Windows and shares for 30 and 28 days are those of Sloth, which took them from Google's SRE workbook, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import chain

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
_WHOLE_UNITS = ((365 * DAY, "y"), (WEEK, "w"))
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s"))


class Severity(StrEnum):
    """What an alert asks of whom it reaches: get up, look at it in the coming days, or know it."""

    PAGE = "critical"
    TICKET = "warning"
    INFO = "info"


class Speed(StrEnum):
    """How fast the budget burns when an alert comes: gone within days, within a week, or just faster than it may."""

    FAST = "fast"
    SLOW = "slow"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class WindowPair:
    """Two windows in whole seconds, and the burn rate above which both must be."""

    short: int
    long: int
    factor: Decimal
    speed: Speed

    @property
    def pages(self) -> bool:
        return self.speed is not Speed.TICKET


_SHARES = ((5 * MINUTE, HOUR, 2), (30 * MINUTE, 6 * HOUR, 5), (2 * HOUR, DAY, 10), (6 * HOUR, 3 * DAY, 10))
"""Short window, long window, and the percentage of the budget that may be spent within the long one."""
_SPEEDS = (Speed.FAST, Speed.SLOW, Speed.TICKET, Speed.TICKET)
_MONTH = 30 * DAY
FULL_LENGTHS = (28 * DAY, _MONTH)
"""The periods that Sloth has windows for."""


def pairs(period: int) -> tuple[WindowPair, ...]:
    """The fast and the slow pair that page, then the two that write a ticket, for a period in seconds.

    28 and 30 days have the same windows, and burn rates by the share of the budget (14.4, 6, 3 and 1 for 30 days). Other periods have the burn rates
    of 30 days, and windows that shrink or grow with the period, so that the same share of the budget is spent when an alert comes.
    """
    if period in FULL_LENGTHS:
        return tuple(
            WindowPair(short, long, Decimal(share * period) / (100 * long), speed)
            for (short, long, share), speed in zip(_SHARES, _SPEEDS, strict=True)
        )
    scale = Decimal(period) / _MONTH
    return tuple(WindowPair(round(pair.short * scale), round(pair.long * scale), pair.factor, pair.speed) for pair in pairs(_MONTH))


def recorded(chosen: tuple[WindowPair, ...]) -> tuple[int, ...]:
    """The windows for which a ratio is recorded, shortest first."""
    return tuple(sorted(set(chain.from_iterable((pair.short, pair.long) for pair in chosen))))


def written(seconds: int) -> str:
    """A duration as Prometheus writes it (common/model/time.go, `Duration.String`), in the names of metrics that Sloth records too: 30 days are
    `30d`, 28 days `4w`, 20,160 seconds `5h36m`."""
    for unit, name in _WHOLE_UNITS:
        if seconds and seconds % unit == 0:
            return f"{seconds // unit}{name}"
    parts, rest = [], seconds
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        parts.append(f"{count}{name}" if count else "")
    return "".join(parts) or "0s"
