"""The table of tools: what the engine's counters say of a run is made of what they grew by."""

from __future__ import annotations

import pytest

from benchmarks.tools import Look, Means, of_engine, row
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers

INFINITY = float("inf")


def counted(requests: int, ttft: float, itl: float, tokens: float) -> Numbers:
    return {
        Number.TTFT: Histogram((INFINITY,), (float(requests),), requests * ttft),
        Number.ITL: Histogram((INFINITY,), (tokens,), tokens * itl),
        Number.GENERATION_TOKENS: tokens,
    }


def test_the_engines_means_are_of_what_its_histograms_grew_by() -> None:
    before, after = counted(100, 9.0, 9.0, 1000), counted(100, 9.0, 9.0, 1000)
    after = {
        Number.TTFT: Histogram((INFINITY,), (110.0,), 100 * 9.0 + 10 * 0.05),
        Number.ITL: Histogram((INFINITY,), (1640.0,), 1000 * 9.0 + 640 * 0.02),
        Number.GENERATION_TOKENS: 1640.0,
    }
    means = of_engine([Look(0.0, before), Look(20.0, before), Look(24.0, after), Look(40.0, after)])
    assert means.ttft_seconds == pytest.approx(0.05)
    assert means.itl_seconds == pytest.approx(0.02)
    assert means.tokens_per_second == pytest.approx(640 / 4), "not of the time in which the tool started and ended"
    assert means.requests == 10


def test_of_an_engine_that_counted_nothing_nothing_is_told() -> None:
    silent = Look(0.0, {})
    assert of_engine([silent, silent]) == Means(None, None, None, 0)


def test_a_row_has_both_witnesses_side_by_side() -> None:
    line = row(8, "guidellm", Means(0.052, 0.0033, 1200.0, 160), Means(0.0234, None, 1234.0, 161))
    assert line == "| 8 | guidellm 0.8.1 | 160, 161 | 52.0 ms | 23.4 ms | 3.30 ms | – | 1,200 | 1,234 |"
