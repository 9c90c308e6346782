"""What is kept of a look, in memory and on the disk."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from bench.engine_side.gpus import Gpu, GpuReading
from bench.engine_side.growth import grown, restarted, summed
from bench.engine_side.reading import Reading
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers
from tests.bench.engine_side.made import observed

READING = Reading(
    at=1000.5,
    target="a",
    replica="x",
    block=3,
    mark="end",
    took_seconds=0.02,
    numbers={Number.QUEUE: observed(0.2, 0.9), Number.REQUESTS_RUNNING: 4.0},
    started_at=7.0,
)


def written(reading: Reading | GpuReading) -> Any:
    return orjson.loads(orjson.dumps(reading.to_json()))


def test_a_look_is_read_back_as_it_was_written() -> None:
    assert Reading.from_json(written(READING)) == READING
    failed = Reading(at=1.0, target="a", block=1, problem="timeout: no whole answer within 5 s")
    assert Reading.from_json(written(failed)) == failed


def test_a_histogram_is_written_with_its_buckets_and_sum() -> None:
    assert written(READING)["numbers"]["queue_seconds"] == {"sum": pytest.approx(1.1), "buckets": [[0.1, 0], [0.3, 1], [0.5, 1], [1.0, 2], [None, 2]]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("at", "soon"),
        ("mark", "middle"),
        ("numbers", []),
        ("numbers", {"queue_seconds": {"sum": 1, "buckets": []}}),
        ("numbers", {"requests_running": True}),
        ("numbers", {"no_such_number": 1}),
    ],
)
def test_anything_else_is_refused(key: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Reading.from_json({**written(READING), key: value})
    with pytest.raises(KeyError):
        Reading.from_json({name: each for name, each in written(READING).items() if name != key})


def test_a_look_without_histograms_keeps_its_gauges() -> None:
    assert READING.without_histograms().numbers == {Number.REQUESTS_RUNNING: 4.0}


def test_a_look_at_gpus_is_read_back_too() -> None:
    gpu = Gpu(index="0", host="n1", utilisation_ratio=0.5, memory_used_mebibytes=900.0, held_back=("power cap",))
    for reading in (
        GpuReading(at=1.0, target="a", block=1, gpus=(gpu, Gpu(index="1"))),
        GpuReading(at=1.0, target="b", block=2, problem="status: status 404"),
    ):
        assert GpuReading.from_json(written(reading)) == reading


def at(numbers: dict[Number, float | Histogram], started_at: float | None = None) -> Reading:
    return Reading(at=0.0, target="a", block=1, numbers=numbers, started_at=started_at)


def test_what_grew_is_the_difference_of_counters_and_buckets() -> None:
    before = at({Number.PREEMPTIONS: 3.0, Number.QUEUE: observed(0.2), Number.REQUESTS_RUNNING: 9.0})
    after = at({Number.PREEMPTIONS: 5.0, Number.QUEUE: observed(0.2, 0.2, 0.9), Number.REQUESTS_RUNNING: 1.0})
    found = grown(before, after, begin_late=False)
    assert found[Number.PREEMPTIONS] == 2.0
    queue = found[Number.QUEUE]
    assert isinstance(queue, Histogram)
    assert queue.count == 2.0
    assert queue.total == pytest.approx(1.1)
    assert queue.bounds[-1] == math.inf
    assert Number.REQUESTS_RUNNING not in found, "a gauge does not grow"


def test_a_series_that_was_not_there_yet_stood_at_zero_only_where_series_begin_late() -> None:
    before, after = at({Number.PROMPT_TOKENS: 1.0}), at({Number.PROMPT_TOKENS: 1.0, Number.PREEMPTIONS: 5.0})
    assert grown(before, after, begin_late=True)[Number.PREEMPTIONS] == 5.0
    assert Number.PREEMPTIONS not in grown(before, after, begin_late=False)


def test_nothing_grows_across_a_restart() -> None:
    before, after = at({Number.PREEMPTIONS: 3.0}, started_at=1.0), at({Number.PREEMPTIONS: 5.0}, started_at=2.0)
    assert restarted(before, after)
    assert grown(before, after, begin_late=False) == {}
    assert restarted(at({Number.QUEUE: observed(0.2, 0.3)}), at({Number.QUEUE: observed(0.2)}))
    assert not restarted(at({Number.REQUESTS_RUNNING: 3.0}), at({Number.REQUESTS_RUNNING: 1.0})), "a gauge may fall"


def test_a_sum_has_what_every_part_has() -> None:
    parts: tuple[Numbers, ...] = ({Number.PREEMPTIONS: 3.0, Number.QUEUE: observed(0.2)}, {Number.QUEUE: observed(0.9)})
    found = summed(parts)
    assert list(found) == [Number.QUEUE]
    assert found[Number.QUEUE] == observed(0.2, 0.9)
    assert summed([]) == {}
    assert summed([{Number.QUEUE: observed(0.2)}, {Number.QUEUE: observed(0.2, bounds=(9.0,))}]) == {}
