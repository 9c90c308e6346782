"""When a scenario is active: windows of the week in the wall-clock time of a place, like `Mon-Fri 08:00-18:00 Europe/Berlin`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import PlainSerializer, PlainValidator

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EVERY_DAY = frozenset(range(7))
_MIDNIGHT_MINUTES = 24 * 60
_WINDOW = re.compile(r"(?:(\S+) +)?(\d\d):(\d\d)-(\d\d):(\d\d)(?: +([A-Za-z0-9_+/-]+))?", re.ASCII)
_NO_WINDOW = (
    "is no calendar window; write days, hours in two digits and a time zone, like Mon-Fri 08:00-18:00 Europe/Berlin, without blanks around a dash"
)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some days of the week, by the clock on the wall of a place; its changes to and from summer time are that clock's.

    `days` count from 0, Monday. Minutes count from midnight; a window that ends before it begins goes on into the day after those days.
    """

    days: frozenset[int]
    begins_minute: int
    ends_minute: int
    zone: str

    def holds(self, epoch_seconds: float) -> bool:
        """Whether an instant lies in it; its last minute does not."""
        local = datetime.fromtimestamp(epoch_seconds, ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        if self.begins_minute < self.ends_minute:
            return local.weekday() in self.days and self.begins_minute <= minute < self.ends_minute
        if minute >= self.begins_minute:
            return local.weekday() in self.days
        return minute < self.ends_minute and (local.weekday() - 1) % 7 in self.days

    @property
    def seconds(self) -> int:
        """How long it lasts each time, but for a change to or from summer time."""
        return 60 * ((self.ends_minute - self.begins_minute) % _MIDNIGHT_MINUTES or _MIDNIGHT_MINUTES)

    def __str__(self) -> str:
        days = "" if self.days == _EVERY_DAY else f"{','.join(_runs(self.days))} "
        return f"{days}{_clock(self.begins_minute)}-{_clock(self.ends_minute)} {self.zone}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """One window or more: an instant is in the calendar if it is in any of them."""

    windows: tuple[Window, ...]

    @property
    def shortest_seconds(self) -> int:
        """How long the shortest of the windows lasts each time."""
        return min(window.seconds for window in self.windows)

    def holds(self, epoch_seconds: float) -> bool:
        """Whether an instant, in seconds since 1970-01-01 UTC, lies in any of the windows."""
        return any(window.holds(epoch_seconds) for window in self.windows)


def read_calendar(written: object) -> Calendar:
    """A window, or a list of windows. Raises ValueError."""
    if isinstance(written, Calendar):
        return written
    windows = list(written) if isinstance(written, list | tuple) else [written]
    if not windows:
        raise ValueError("is empty; write at least one window, or leave it out")
    return Calendar(tuple(read_window(window) for window in windows))


def write_calendar(calendar: Calendar) -> str | list[str]:
    written = [str(window) for window in calendar.windows]
    return written[0] if len(written) == 1 else written


def read_window(written: object) -> Window:
    """A window of `[DAYS] HH:MM-HH:MM [ZONE]`: every day and UTC where these are left out. Raises ValueError."""
    found = _WINDOW.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(_NO_WINDOW)
    days, zone = found[1], found[6] or "UTC"
    begins, ends = (_minute(found[hour], found[hour + 1]) for hour in (2, 4))
    if begins == _MIDNIGHT_MINUTES:
        raise ValueError("begins when its day is over; write 00:00 and the day after")
    if begins == ends:
        raise ValueError("ends when it begins; write 00:00-24:00 for the whole day")
    _check_zone(zone)
    return Window(_EVERY_DAY if days is None else frozenset(_days(days)), begins, ends, zone)


def _minute(hour: str, minute: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > _MIDNIGHT_MINUTES:
        raise ValueError("has a time that no clock shows; write hours from 00:00 to 24:00")
    return total


def _days(written: str) -> Iterator[int]:
    """The days of a text like `Mon,Wed-Fri`; a range may go over the end of the week."""
    for part in written.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"has a day that is none; write {', '.join(DAYS)}, a range like Mon-Fri, or several, like Sat,Sun")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        yield from ((begin + step) % 7 for step in range(length + 1))


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"has a time zone that there is not; {_similar(zone)}") from None


def _similar(zone: str) -> str:
    close = difflib.get_close_matches(zone, sorted(available_timezones()), n=1, cutoff=0.8)
    return f"did you mean {close[0]}?" if close else "write UTC, or one like Europe/Berlin or America/New_York"


def _runs(days: frozenset[int]) -> Iterator[str]:
    """The days as people write them: three and more in a row as a range."""
    left = sorted(days)
    while left:
        length = next(count for count in range(len(left), 0, -1) if left[count - 1] - left[0] == count - 1)
        run, left = [DAYS[day] for day in left[:length]], left[length:]
        yield f"{run[0]}-{run[-1]}" if length > 2 else ",".join(run)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


Active = Annotated[Calendar, PlainValidator(read_calendar), PlainSerializer(write_calendar)]
"""A calendar, written as a window or as a list of windows."""
