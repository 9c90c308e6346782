from __future__ import annotations

from decimal import Decimal

import pytest

from alerts.windows import DAY, HOUR, MINUTE, Speed, pairs, recorded, written

WINDOWS = [(5 * MINUTE, HOUR), (30 * MINUTE, 6 * HOUR), (2 * HOUR, DAY), (6 * HOUR, 3 * DAY)]


@pytest.mark.parametrize(
    ("days", "factors"),
    [(30, ["14.4", "6", "3", "1"]), (28, ["13.44", "5.6", "2.8", str(Decimal(28) / 30)])],
)
def test_those_of_sloth(days: int, factors: list[str]) -> None:
    chosen = pairs(days * DAY)
    assert [(pair.short, pair.long) for pair in chosen] == WINDOWS
    assert [pair.factor for pair in chosen] == [Decimal(factor) for factor in factors]
    assert [pair.speed for pair in chosen] == [Speed.FAST, Speed.SLOW, Speed.TICKET, Speed.TICKET]
    assert [pair.pages for pair in chosen] == [True, True, False, False]


@pytest.mark.parametrize(("days", "scale"), [(7, "7"), (1, "1"), (90, "90")])
def test_other_periods_scale_the_windows_of_30_days_and_spend_the_same_share_of_the_budget(days: int, scale: str) -> None:
    for scaled, month in zip(pairs(days * DAY), pairs(30 * DAY), strict=True):
        assert scaled.long == month.long * days // 30
        assert scaled.short == month.short * days // 30
        assert scaled.factor * scaled.long / (days * DAY) == month.factor * month.long / (30 * DAY)


def test_windows_are_recorded_once() -> None:
    assert [written(seconds) for seconds in recorded(pairs(30 * DAY))] == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]


DURATIONS = {
    30 * DAY: "30d",
    28 * DAY: "4w",
    7 * DAY: "1w",
    169 * HOUR: "7d1h",
    20_160: "5h36m",
    5400: "1h30m",
    90: "1m30s",
    DAY: "1d",
    0: "0s",
    365 * DAY: "1y",
}


@pytest.mark.parametrize(("seconds", "text"), DURATIONS.items(), ids=DURATIONS.values())
def test_as_prometheus_writes_durations(seconds: int, text: str) -> None:
    assert written(seconds) == text
