from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.quantities import Address, read_address, read_duration, read_share, write_duration, write_share


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("15s", 15.0),
        ("100ms", 0.1),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("30d", 2592000.0),
        ("1w", 604800.0),
        ("1.5s", 1.5),
        ("1s500ms", 1.5),
        ("0.5m", 30.0),
    ],
)
def test_durations(written: str, seconds: float) -> None:
    assert read_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "15", "s", "15 s", "-1s", "+1s", "1s1m", "1s1s", "0ms", "0s", "367d", "١s", "1s\n", ".5s", 15, 1.5, None])
def test_no_durations(written: object) -> None:
    with pytest.raises(ValueError, match="; write "):
        read_duration(written)


@given(st.integers(min_value=1, max_value=366 * 86400 * 1_000_000))
def test_a_duration_reads_back(microseconds: int) -> None:
    seconds = microseconds / 1_000_000
    assert read_duration(write_duration(seconds)) == seconds


def test_durations_are_written_as_people_write_them() -> None:
    assert [write_duration(seconds) for seconds in (0.05, 1.5, 15, 90, 120, 86400, 2592000)] == [
        "50ms",
        "1.5s",
        "15s",
        "1m30s",
        "2m",
        "1d",
        "30d",
    ]


def test_a_share_is_exact() -> None:
    assert read_share("99.9%") == Decimal("0.999")
    assert write_share(read_share("99.95%")) == "99.95%"
    assert write_share(read_share("90%")) == "90%"


@pytest.mark.parametrize(
    ("written", "address"), [("127.0.0.1:9840", Address("127.0.0.1", 9840)), ("[::]:0", Address("::", 0)), ("localhost:80", Address("localhost", 80))]
)
def test_an_address_reads_back(written: str, address: Address) -> None:
    assert read_address(written) == address
    assert str(address) == written
