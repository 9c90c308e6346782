from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.calendar import DAYS, Calendar, Window, read_calendar, read_window, write_calendar

OFFICE = "Mon-Fri 08:00-18:00 Europe/Berlin"


def at(instant: str, zone: str, *, second_time: bool = False) -> float:
    return datetime.fromisoformat(instant).replace(tzinfo=ZoneInfo(zone), fold=int(second_time)).timestamp()


@pytest.mark.parametrize(
    ("written", "instant", "holds"),
    [
        (OFFICE, "2026-11-20T08:00", True),
        (OFFICE, "2026-11-20T07:59:59.999", False),
        (OFFICE, "2026-11-20T17:59:59.999", True),
        (OFFICE, "2026-11-20T18:00", False),
        (OFFICE, "2026-11-21T12:00", False),
        ("22:00-06:00 Europe/Berlin", "2026-11-20T23:00", True),
        ("22:00-06:00 Europe/Berlin", "2026-11-20T05:59", True),
        ("22:00-06:00 Europe/Berlin", "2026-11-20T06:00", False),
        ("Fri 22:00-06:00 Europe/Berlin", "2026-11-20T22:00", True),
        ("Fri 22:00-06:00 Europe/Berlin", "2026-11-21T05:00", True),
        ("Fri 22:00-06:00 Europe/Berlin", "2026-11-20T05:00", False),
        ("Fri 22:00-06:00 Europe/Berlin", "2026-11-21T22:00", False),
        ("Sun 22:00-06:00 Europe/Berlin", "2026-11-23T01:00", True),
        ("Fri 18:00-00:00 Europe/Berlin", "2026-11-20T23:59", True),
        ("Fri 18:00-00:00 Europe/Berlin", "2026-11-21T00:00", False),
        ("Sat 00:00-24:00 Europe/Berlin", "2026-11-21T00:00", True),
        ("Sat 00:00-24:00 Europe/Berlin", "2026-11-21T23:59", True),
        ("Sat 00:00-24:00 Europe/Berlin", "2026-11-22T00:00", False),
        ("Sat-Mon 00:00-24:00 Europe/Berlin", "2026-11-23T12:00", True),
        ("Sat-Mon 00:00-24:00 Europe/Berlin", "2026-11-24T12:00", False),
    ],
)
def test_windows(written: str, instant: str, holds: bool) -> None:
    assert read_window(written).holds(at(instant, "Europe/Berlin")) is holds


def test_the_clock_is_that_of_the_place() -> None:
    noon_in_berlin = at("2026-11-20T12:00", "Europe/Berlin")
    assert read_calendar(OFFICE).holds(noon_in_berlin)
    assert not read_calendar("08:00-18:00 America/New_York").holds(noon_in_berlin)
    assert not read_calendar("12:00-13:00").holds(noon_in_berlin)
    assert read_calendar("11:00-12:00").holds(noon_in_berlin)


def test_summer_time_moves_the_window_with_the_clock_on_the_wall() -> None:
    window = read_window("08:00-09:00 Europe/Berlin")
    assert window.holds(at("2026-03-28T07:30", "UTC"))
    assert not window.holds(at("2026-03-29T07:30", "UTC"))
    assert window.holds(at("2026-03-29T06:30", "UTC"))


def test_an_hour_that_comes_twice_is_twice_in_the_window_and_one_that_is_left_out_is_not() -> None:
    window = read_window("02:00-03:00 Europe/Berlin")
    assert window.holds(at("2026-10-25T02:30", "Europe/Berlin"))
    assert window.holds(at("2026-10-25T02:30", "Europe/Berlin", second_time=True))
    whole_day = [
        datetime.fromisoformat("2026-03-29").replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp() + 60 * minute for minute in range(23 * 60)
    ]
    assert not any(map(window.holds, whole_day))


def test_an_instant_is_in_a_calendar_if_it_is_in_any_window() -> None:
    calendar = read_calendar(["Mon 08:00-09:00", "Tue 08:00-09:00"])
    assert [calendar.holds(at(f"2026-11-{day}T08:30", "UTC")) for day in (23, 24, 25)] == [True, True, False]


@pytest.mark.parametrize(
    ("written", "again"),
    [
        (OFFICE, OFFICE),
        ("08:00-18:00", "08:00-18:00 UTC"),
        ("Sat,Sun 00:00-24:00", "Sat,Sun 00:00-24:00 UTC"),
        ("Mon,Tue,Wed,Fri 00:00-06:30 UTC", "Mon-Wed,Fri 00:00-06:30 UTC"),
        ("Sat-Mon 00:00-06:30 UTC", "Mon,Sat,Sun 00:00-06:30 UTC"),
        ("Mon-Sun 00:00-06:30 UTC", "00:00-06:30 UTC"),
        (["08:00-18:00"], "08:00-18:00 UTC"),
        (["Mon 08:00-18:00", OFFICE], ["Mon 08:00-18:00 UTC", OFFICE]),
    ],
)
def test_is_written_as_people_write_it(written: object, again: object) -> None:
    assert write_calendar(read_calendar(written)) == again


minutes = st.integers(0, 24 * 60 - 1)


@given(st.frozensets(st.sampled_from(range(len(DAYS))), min_size=1), minutes, st.integers(0, 24 * 60), st.sampled_from(["UTC", "Asia/Kathmandu"]))
def test_every_window_reads_back(days: frozenset[int], begins: int, ends: int, zone: str) -> None:
    if begins != ends:
        calendar = Calendar((Window(days, begins, ends, zone),))
        assert read_calendar(write_calendar(calendar)) == calendar


@given(minutes, minutes, st.floats(min_value=0, max_value=4e9))
def test_a_window_and_the_rest_of_the_day_share_out_all_time(begins: int, ends: int, instant: float) -> None:
    if begins != ends:
        window, rest = (Window(frozenset(range(7)), *hours, "Australia/Lord_Howe") for hours in ((begins, ends), (ends, begins)))
        assert window.holds(instant) is not rest.holds(instant)
