"""The engine on a fake clock."""

from __future__ import annotations

import asyncio

from simulator.batch_loop import BatchLoop
from simulator.batching import Batching, Sequence
from simulator.options import Capacity, Latency
from simulator.own_metrics import NoMetrics
from tests.simulator.fake_clock import FakeClock


async def test_a_late_wake_up_delays_one_token_and_shifts_none() -> None:
    clock = FakeClock(late_ns=7_000_000)
    latency = Latency(decode_seconds=0.02, first_token_seconds=0.005, prefill_tokens_per_second=1000)
    engine = BatchLoop(Batching(latency, Capacity(), seed=1, reserve=False), clock, NoMetrics())
    running = asyncio.create_task(engine.run())
    generation = engine.submit(Sequence(0, 10, (), 1000, 1000))
    due = []
    for _ in range(1000):
        await clock.advance()
        due.append(await generation.next_due())
    running.cancel()
    assert due == [15_000_000 + place * 20_000_000 for place in range(1000)]
