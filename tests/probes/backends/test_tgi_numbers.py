from __future__ import annotations

import math

import pytest

from probes.backends.tgi import METRICS
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers
from tests.exporter.native.recorded import families, text

DURATIONS = (*(0.0001 * 1.5**power for power in range(1, 36)), math.inf)
"""Upper bounds, in seconds."""
NOTHING_COUNTED = {
    Number.PROMPT_TOKENS: 0.0,
    Number.GENERATION_TOKENS: 0.0,
    Number.REQUESTS_SUCCEEDED: 0.0,
    Number.REQUESTS_FAILED: 0.0,
    Number.REQUESTS_REJECTED: 0.0,
}


def mapped(exposition: str) -> Numbers:
    return METRICS.read(families(exposition))


def counted(*observations: float) -> Histogram:
    return Histogram(DURATIONS, tuple(sum(value <= bound for value in observations) for bound in DURATIONS), sum(observations))


def test_version_3_3() -> None:
    assert mapped(text("tgi-3.3")) == {
        Number.REQUESTS_RUNNING: 5,
        Number.REQUESTS_WAITING: 9,
        Number.PROMPT_TOKENS: 7 * 12 + 3 * 500,
        Number.GENERATION_TOKENS: 6 * 48 + 2 * 100,
        Number.REQUESTS_SUCCEEDED: 8,
        Number.REQUESTS_FAILED: 2 + 1,
        Number.REQUESTS_REJECTED: 3,
        Number.E2E: counted(*[0.75] * 4, *[2.5] * 4),
        Number.QUEUE: counted(*[0.00048828125] * 6, *[1.5] * 4),
        Number.VALIDATION: counted(*[0.000244140625] * 10),
        Number.PREFILL: counted(*[0.05078125] * 6),
        Number.ITL: counted(*[0.015625] * 298),
    }


def test_a_fresh_one_tells_nothing() -> None:
    assert mapped(text("tgi-fresh")) == {}


def test_once_it_told_anything_what_it_has_not_counted_is_0() -> None:
    assert mapped("# TYPE tgi_request_count counter\ntgi_request_count 1\n") == NOTHING_COUNTED
    assert mapped("# TYPE tgi_queue_size gauge\ntgi_queue_size 2\n") == {**NOTHING_COUNTED, Number.REQUESTS_WAITING: 2}


@pytest.mark.parametrize("err", ["validation", "template", "dropped"])
def test_what_the_client_did_is_no_failure(err: str) -> None:
    assert mapped(f'tgi_request_failure{{err="{err}"}} 4\n') == NOTHING_COUNTED


def test_a_failure_of_a_kind_unknown_here_is_one() -> None:
    assert mapped('tgi_request_failure{err="gremlins"} 4\n') == {**NOTHING_COUNTED, Number.REQUESTS_FAILED: 4}


def test_the_sum_of_a_histogram_that_makes_no_sense_is_absent_and_not_0() -> None:
    broken = '# TYPE tgi_request_generated_tokens histogram\ntgi_request_generated_tokens_bucket{le="40.96"} 3\ntgi_request_generated_tokens_sum 40\n'
    assert mapped(broken) == {number: value for number, value in NOTHING_COUNTED.items() if number is not Number.GENERATION_TOKENS}


def test_a_summary_is_no_histogram() -> None:
    summary = (
        '# TYPE tgi_request_duration summary\ntgi_request_duration{quantile="0.5"} 1\ntgi_request_duration_sum 4\ntgi_request_duration_count 4\n'
    )
    assert mapped(summary) == NOTHING_COUNTED
