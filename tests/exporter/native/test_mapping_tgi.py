from __future__ import annotations

import math

import pytest

from catalogue import unified
from catalogue.metric import Metric
from exporter.native.mapping import tgi
from exporter.native.mapping.histogram import Histogram
from exporter.native.mapping.source import Value
from tests.exporter.native.recorded import of_metrics, text

DURATIONS = (*(0.0001 * 1.5**power for power in range(1, 36)), math.inf)
"""Upper bounds, in seconds."""
NOTHING_COUNTED = {
    unified.PROMPT_TOKENS: 0.0,
    unified.GENERATION_TOKENS: 0.0,
    unified.REQUESTS_SUCCEEDED: 0.0,
    unified.REQUESTS_FAILED: 0.0,
    unified.REQUESTS_REJECTED: 0.0,
}


def mapped(exposition: str) -> dict[Metric, Value]:
    return of_metrics(tgi.mapped, exposition)


def counted(*observations: float) -> Histogram:
    return Histogram(DURATIONS, tuple(sum(value <= bound for value in observations) for bound in DURATIONS), sum(observations))


def test_version_3_3() -> None:
    assert mapped(text("tgi-3.3")) == {
        unified.REQUESTS_RUNNING: 5,
        unified.REQUESTS_WAITING: 9,
        unified.PROMPT_TOKENS: 7 * 12 + 3 * 500,
        unified.GENERATION_TOKENS: 6 * 48 + 2 * 100,
        unified.REQUESTS_SUCCEEDED: 8,
        unified.REQUESTS_FAILED: 2 + 1,
        unified.REQUESTS_REJECTED: 3,
        unified.E2E: counted(*[0.75] * 4, *[2.5] * 4),
        unified.QUEUE: counted(*[0.00048828125] * 6, *[1.5] * 4),
        unified.VALIDATION: counted(*[0.000244140625] * 10),
        unified.PREFILL: counted(*[0.05078125] * 6),
        unified.ITL: counted(*[0.015625] * 298),
    }


def test_a_fresh_one_tells_nothing() -> None:
    assert mapped(text("tgi-fresh")) == {}


def test_once_it_told_anything_what_it_has_not_counted_is_0() -> None:
    assert mapped("# TYPE tgi_request_count counter\ntgi_request_count 1\n") == NOTHING_COUNTED
    assert mapped("# TYPE tgi_queue_size gauge\ntgi_queue_size 2\n") == {**NOTHING_COUNTED, unified.REQUESTS_WAITING: 2}


@pytest.mark.parametrize("err", ["validation", "template", "dropped"])
def test_what_the_client_did_is_no_failure(err: str) -> None:
    assert mapped(f'tgi_request_failure{{err="{err}"}} 4\n') == NOTHING_COUNTED


def test_a_failure_of_a_kind_unknown_here_is_one() -> None:
    assert mapped('tgi_request_failure{err="gremlins"} 4\n') == {**NOTHING_COUNTED, unified.REQUESTS_FAILED: 4}


def test_the_sum_of_a_histogram_that_makes_no_sense_is_absent_and_not_0() -> None:
    broken = '# TYPE tgi_request_generated_tokens histogram\ntgi_request_generated_tokens_bucket{le="40.96"} 3\ntgi_request_generated_tokens_sum 40\n'
    assert mapped(broken) == {metric: value for metric, value in NOTHING_COUNTED.items() if metric is not unified.GENERATION_TOKENS}


def test_a_summary_is_no_histogram() -> None:
    summary = (
        '# TYPE tgi_request_duration summary\ntgi_request_duration{quantile="0.5"} 1\ntgi_request_duration_sum 4\ntgi_request_duration_count 4\n'
    )
    assert mapped(summary) == NOTHING_COUNTED
