"""What is told of measuring workers, by their numbers."""

from __future__ import annotations

import os

from catalogue import own
from exporter.assembly import Metrics
from probes.wire.workers import WorkerState
from tests.exporter.chats import MS, chat
from tests.exporter.scrape import config, scrape
from traffic.events import Pair, Side
from traffic.roster import roster


def worker(number: int, pid: int | None, **more: bool | int) -> WorkerState:
    known: dict[str, bool | int] = {"answers": True, "streams": 0, "restarts": 0, "leaving": False}
    return WorkerState(number, pid, **{**known, **more})  # type: ignore[arg-type]


def test_each_worker_has_its_series() -> None:
    two = (worker(1, os.getpid(), streams=3), worker(2, None, answers=False, restarts=4))
    metrics = Metrics(roster(config()), {}, lambda: two)
    seen = scrape(metrics)
    assert [seen.value(own.WORKER_UP.name, worker=number) for number in "12"] == [1, 0]
    assert [seen.value(own.WORKER_STREAMS.name, worker=number) for number in "12"] == [3, 0]
    assert [seen.value(own.WORKER_RESTARTS.name, worker=number) for number in "12"] == [0, 4]
    cpu, memory = seen.value(own.WORKER_CPU.name, worker="1"), seen.value(own.WORKER_MEMORY.name, worker="1")
    assert cpu is not None
    assert memory is not None
    assert 0 < cpu <= sum(os.times()[:2])
    assert 10e6 < memory < 10e9
    assert seen.value(own.WORKER_CPU.name, worker="2") is None


def test_the_lag_of_a_worker_that_is_gone_ends() -> None:
    metrics = Metrics(roster(config()), {})
    metrics.own.has_workers([1, 2])
    metrics.own.worker_was_late(2, 0.003)
    seen = scrape(metrics)
    assert [seen.value(own.WORKER_LAG.count, worker=number) for number in "12"] == [0, 1]
    metrics.own.has_workers([1])
    assert scrape(metrics).value(own.WORKER_LAG.count, worker="2") is None


def test_how_far_apart_the_requests_of_a_pair_were_sent() -> None:
    metrics = Metrics(roster(config()), {})
    assert scrape(metrics).value(own.PAIR_SPREAD.count) == 0
    for apart_ms in (0, 3):
        later = chat(sent_ns=(chat().sent_ns or 0) + apart_ms * MS)
        metrics.recording(Pair("heartbeat", "pair", (Side("vllm", chat(), None), Side("tgi", later, None))))
    seen = scrape(metrics)
    assert (seen.value(own.PAIR_SPREAD.count), seen.value(own.PAIR_SPREAD.sum)) == (2, 0.003)
