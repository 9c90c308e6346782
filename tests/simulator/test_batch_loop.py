"""The engine on a fake clock."""

from __future__ import annotations

import asyncio
import heapq

from simulator.batch_loop import BatchLoop
from simulator.batching import Batching, Sequence
from simulator.options import Capacity, Latency
from simulator.own_metrics import NoMetrics
from simulator.residence import Residence

SECOND = 1_000_000_000


class FakeClock:
    """Time that moves only when a test says so; `late_ns` is by how much every wake-up is late."""

    def __init__(self, late_ns: int = 0) -> None:
        self.now = 0
        self._late_ns = late_ns
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []

    def now_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return self.now

    async def sleep_until(self, instant_ns: int) -> None:
        if instant_ns <= self.now:
            return
        event = asyncio.Event()
        heapq.heappush(self._sleepers, (instant_ns + self._late_ns, id(event), event))
        await event.wait()

    async def advance(self) -> None:
        """Go to the next wake-up, once everybody who can run has done so."""
        for _ in range(10):
            await asyncio.sleep(0)
        self.now, _, event = heapq.heappop(self._sleepers)
        event.set()
        for _ in range(10):
            await asyncio.sleep(0)


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


async def test_a_cold_model_is_loaded_once_and_expires_when_nobody_uses_it() -> None:
    clock = FakeClock()
    residence = Residence(clock, load_seconds=3, keep_alive_seconds=10)
    served = asyncio.Event()

    async def use() -> None:
        async with residence.use("tiny", None):
            await served.wait()

    users = [asyncio.create_task(use()) for _ in range(2)]
    await asyncio.sleep(0)
    assert list(residence.loaded()) == []
    await clock.advance()
    assert clock.now == 3 * SECOND
    assert [model for model, _ in residence.loaded()] == ["tiny"]
    clock.now = 100 * SECOND
    assert [model for model, _ in residence.loaded()] == ["tiny"]
    served.set()
    await asyncio.gather(*users)
    assert list(residence.loaded()) == [("tiny", 110 * SECOND)]
    clock.now = 111 * SECOND
    assert list(residence.loaded()) == []


async def test_a_request_can_keep_a_model_for_ever_or_let_it_go() -> None:
    clock = FakeClock()
    residence = Residence(clock, load_seconds=0, keep_alive_seconds=10)
    async with residence.use("tiny", -1):
        pass
    clock.now = 10**6 * SECOND
    assert [model for model, _ in residence.loaded()] == ["tiny"]
    async with residence.use("tiny", 0):
        pass
    assert list(residence.loaded()) == []
