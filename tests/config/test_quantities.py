from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import read_duration, write_duration
from config.quantities import (
    Address,
    read_address,
    read_rate,
    read_share,
    read_size,
    write_rate,
    write_share,
    write_size,
)


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


@pytest.mark.parametrize(
    ("written", "per_second"),
    [
        ("2/s", Fraction(2)),
        ("0.1/s", Fraction(1, 10)),
        ("30/m", Fraction(1, 2)),
        ("1/m", Fraction(1, 60)),
        ("120/h", Fraction(1, 30)),
        ("1/d", Fraction(1, 86400)),
        ("1000/s", Fraction(1000)),
        ("0/s", Fraction(0)),
        ("0.123456789/m", Fraction(123456789, 60 * 10**9)),
    ],
)
def test_rates_are_exact(written: str, per_second: Fraction) -> None:
    assert read_rate(written) == per_second
    assert read_rate(write_rate(per_second)) == per_second


@pytest.mark.parametrize("written", ["", "2", "2/", "/s", "2 /s", "-1/s", "1e3/s", "1001/s", "0.9/d", "2/w", "2/s\n", "٢/s", "1/3/s", 2, 0.5, None])
def test_no_rates(written: object) -> None:
    with pytest.raises(ValueError, match="; write "):
        read_rate(written)


@given(st.integers(1, 10**9), st.integers(0, 9), st.sampled_from("smhd"))
def test_a_rate_reads_back(digits: int, decimals: int, unit: str) -> None:
    try:
        per_second = read_rate(f"{Decimal(digits).scaleb(-decimals):f}/{unit}")
    except ValueError:
        return
    assert read_rate(write_rate(per_second)) == per_second


def test_rates_are_written_with_whole_numbers_where_there_are_any() -> None:
    rates = (Fraction(2), Fraction(1, 2), Fraction(1, 30), Fraction(1, 7200), Fraction(0))
    assert [write_rate(rate) for rate in rates] == ["2/s", "30/m", "2/m", "12/d", "0/s"]


def test_a_size_in_its_largest_whole_unit() -> None:
    assert read_size("1GiB") == 2**30
    for written, again in (("1024MiB", "1GiB"), ("1536MiB", "1536MiB"), ("1KiB", "1KiB")):
        assert write_size(read_size(written)) == again


@pytest.mark.parametrize("written", ["1GB", "1 GiB", "-1MiB", "1.5GiB", "0MiB", "1073741824", 1024, True, None, "9999999999GiB", "999999999GiB"])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(ValueError, match=r"like 512MiB|up to 1048576GiB"):
        read_size(written)


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
