from __future__ import annotations

import asyncio
import os
import signal

from bench.own_health import watched
from bench.session import instruments
from tests.waiting import eventually


async def test_it_tells_how_late_the_loop_was_and_what_the_processors_did() -> None:
    async with instruments() as measuring, watched(measuring) as health:
        await eventually(lambda: len(health.loop_lags_seconds) > 2)
        sum(number * number for number in range(300_000))  # holds the loop up
        await asyncio.sleep(0.2)
    told = health.to_json()
    lags = told["loop_lag_seconds"]
    assert isinstance(lags, dict)
    assert 0 <= lags["p50"] <= lags["p99"] <= lags["max"]
    assert lags["max"] == round(max(health.loop_lags_seconds), 6)
    assert (told["clock_steps"], told["worker_cpu_seconds"] is not None) == (0, True)
    assert health.main_cpu_seconds > 0
    assert health.seconds > 0.2


async def test_it_covers_all_workers() -> None:
    async with instruments(workers=2) as measuring:
        await eventually(lambda: all(worker.answers for worker in measuring.prober.workers))
        async with watched(measuring) as health:
            await eventually(lambda: len(measuring.worker_lags_seconds) >= 6)
        killed = measuring.prober.workers[1].pid
        assert killed is not None
        async with watched(measuring) as afterwards:
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: measuring.prober.workers[1].restarts == 1)
    told = health.to_json()
    assert (told["workers"], told["worker_restarts"], told["worker_cpu_seconds"] is not None) == (2, 0, True)
    assert 2 <= len(health.worker_lags_seconds) <= len(measuring.worker_lags_seconds)
    lags = told["worker_lag_seconds"]
    assert isinstance(lags, dict)
    assert 0 <= lags["p50"] <= lags["max"] == round(max(health.worker_lags_seconds), 6)
    told = afterwards.to_json()
    assert (told["worker_restarts"], told["worker_cpu_seconds"]) == (1, None), "what it took is gone with it"


async def test_of_a_worker_that_is_gone_nothing_is_told() -> None:
    async with instruments() as measuring, watched(measuring) as health:
        await measuring.prober.__aexit__(None, None, None)
    assert health.to_json()["worker_cpu_seconds"] is None
