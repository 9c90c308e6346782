"""What the benchmark of what users feel makes of its blocks."""

from __future__ import annotations

import pytest

from benchmarks.felt import Felt, configuration, felt, interval, report, verdict
from config.reader import parse
from config.starters import starter
from probes.failure import Reason
from tests.exporter.chats import chat, failed


@pytest.mark.parametrize(("pairs", "left_off"), [(6, 0), (8, 0), (9, 1), (12, 2), (20, 5)])
def test_the_interval_is_that_of_the_sign_test(pairs: int, left_off: int) -> None:
    """The ranks are those of its tables."""
    middle, low, high = interval([float(number) for number in range(pairs)])
    assert (middle, low, high) == ((pairs - 1) / 2, left_off, pairs - 1 - left_off)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.995, 1.009, "within 1 %"),
        (1.002, 1.009, "within 1 %"),
        (0.98, 1.009, "inside the noise"),
        (0.9, 1.2, "inside the noise"),
        (1.002, 1.03, "slower"),
        (0.9, 0.995, "faster"),
    ],
)
def test_what_is_said_of_an_interval(low: float, high: float, expected: str) -> None:
    assert verdict(low, high) == expected


def test_a_table_has_a_row_for_each_measure() -> None:
    alone = (0.1, 0.2, 0.3, 0.1, 0.2, 0.3)
    pairs = [(Felt(ttft, 0.1, 0.01, 0.01), Felt(1.1 * ttft, 0.1, 0.01, 0.01)) for ttft in alone]
    assert report(pairs) == [
        "| TTFT, mean | 200.00 ms | 220.00 ms | +10.0 % | +10.0 % to +10.0 % | slower |",
        "| TTFT, p50 | 100.00 ms | 100.00 ms | +0.0 % | +0.0 % to +0.0 % | within 1 % |",
        "| TPOT, mean | 10.00 ms | 10.00 ms | +0.0 % | +0.0 % to +0.0 % | within 1 % |",
        "| TPOT, p50 | 10.00 ms | 10.00 ms | +0.0 % | +0.0 % to +0.0 % | within 1 % |",
    ]


def test_means_and_medians_are_those_of_the_users_chats() -> None:
    found = felt([chat(ttft_ms=10, gap_ms=2), chat(ttft_ms=20, gap_ms=4), chat(ttft_ms=60, gap_ms=12)])
    assert (found.ttft_mean, found.ttft_p50, found.tpot_mean, found.tpot_p50) == pytest.approx((0.03, 0.02, 0.006, 0.004))


def test_a_users_chat_that_failed_ends_it() -> None:
    with pytest.raises(RuntimeError, match="1 of 2 users' chats failed"):
        felt([chat(), failed(Reason.STALLED)])


def test_chatprobe_runs_with_the_default_presets_scenarios() -> None:
    preset, made = parse(starter("default")).config, parse(configuration("vllm", "http://127.0.0.1:1", "tiny")).config
    assert (made.scenarios, made.slos, made.limits) == (preset.scenarios, preset.slos, preset.limits)
    assert list(made.targets) == ["engine"]
