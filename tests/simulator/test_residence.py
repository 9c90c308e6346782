"""What an Ollama has in memory, on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from simulator.batch_loop import BatchLoop
from simulator.batching import Batching
from simulator.library import Installation, Installed
from simulator.options import Capacity, Latency, Library
from simulator.own_metrics import NoMetrics
from simulator.residence import MAX_LOADED, LoadError, Residence, Runner
from simulator.truth import ChatTruth
from tests.simulator.fake_clock import FakeClock
from tests.waiting import eventually

SECOND = 1_000_000_000
MODELS = Installation(("tiny", "copy", "derived", "other", "third", "fourth"), Library(copies={"copy": "tiny"}, derived={"derived": "tiny"}))


def model(name: str) -> Installed:
    found = MODELS.find(name)
    assert found is not None
    return found


class Memory:
    """A residence on a fake clock: loads take 3 s, and idle models stay for 10 s."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.residence = Residence(self.clock, self._batches, load_seconds=3, keep_alive_seconds=10)
        self.truths: list[ChatTruth] = []

    def _batches(self, context_tokens: int) -> BatchLoop:
        return BatchLoop(Batching(Latency(), Capacity(context_tokens=context_tokens), seed=1, reserve=False), self.clock, NoMetrics())

    @asynccontextmanager
    async def use(self, name: str = "tiny", context: int = 4096, keep: float | None = None, *, fails: bool = False) -> AsyncIterator[Runner]:
        truth = ChatTruth("", "", self.clock.now)
        self.truths.append(truth)
        async with self.residence.use(model(name), context, keep, truth, fails=fails) as runner:
            yield runner

    async def load(self, name: str = "tiny", context: int = 4096, keep: float | None = None) -> None:
        """Have a model loaded, and let the time pass that it takes."""
        loading = asyncio.create_task(self.hold(name, context, keep))
        await self.clock.advance()
        await loading

    async def hold(self, name: str = "tiny", context: int = 4096, keep: float | None = None, *, fails: bool = False) -> None:
        """Hold a model for no time."""
        async with self.use(name, context, keep, fails=fails):
            pass

    @property
    def loads(self) -> int:
        return sum(truth.loading_ns is not None for truth in self.truths)

    def names(self) -> dict[str, int]:
        return {runner.model.name: runner.context_tokens for runner in self.residence.loaded()}


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def test_a_cold_model_is_loaded_once_and_expires_when_nobody_uses_it(memory: Memory) -> None:
    served = asyncio.Event()

    async def use() -> None:
        async with memory.use():
            await served.wait()

    users = [asyncio.create_task(use()) for _ in range(2)]
    await asyncio.sleep(0)
    assert memory.names() == {}
    assert memory.residence.pending == 2
    await memory.clock.advance()
    assert memory.clock.now == 3 * SECOND
    assert memory.loads == 1
    memory.clock.now = 100 * SECOND
    assert memory.names() == {"tiny:latest": 4096}
    served.set()
    await asyncio.gather(*users)
    assert [runner.expires_ns for runner in memory.residence.loaded()] == [110 * SECOND]
    memory.clock.now = 111 * SECOND
    assert memory.names() == {}


async def test_a_keep_alive_stays_that_of_the_runner_until_another_is_given(memory: Memory) -> None:
    await memory.load(keep=-1)
    async with memory.use():
        pass
    memory.clock.now = 10**6 * SECOND
    assert memory.names() == {"tiny:latest": 4096}
    async with memory.use(keep=0):
        pass
    assert memory.names() == {}


@pytest.mark.parametrize("name", ["tiny", "copy", "derived", "TINY", "library/tiny:latest", "https://registry.ollama.ai/library/Tiny"])
async def test_one_runner_serves_all_names_of_a_blob(memory: Memory, name: str) -> None:
    await memory.load()
    async with memory.use(name) as runner:
        assert runner.model.name == "tiny:latest"
    assert memory.loads == 1


async def test_another_context_loads_anew_once_the_runner_is_idle_and_its_pin_is_lost(memory: Memory) -> None:
    await memory.load(keep=-1)
    async with AsyncExitStack() as user:
        await user.enter_async_context(memory.use())
        longer = asyncio.create_task(memory.hold(context=8192))
        await eventually(lambda: memory.residence.pending == 1)
        async with memory.use() as same:  # what fits the old runner is still served by it
            assert same.context_tokens == 4096
        assert memory.names() == {"tiny:latest": 4096}
    await memory.clock.advance()
    await longer
    assert memory.names() == {"tiny:latest": 8192}
    assert memory.loads == 2
    memory.clock.now += 11 * SECOND
    assert memory.names() == {}


async def test_a_load_whose_request_is_given_up_is_thrown_away_and_the_next_one_begins_anew(memory: Memory) -> None:
    first, second = (asyncio.create_task(memory.hold()) for _ in range(2))
    await asyncio.sleep(0)
    memory.clock.now = 2 * SECOND
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert memory.names() == {}
    await memory.clock.advance()
    await second
    assert memory.clock.now == 5 * SECOND
    assert [(truth.loading_ns, truth.loaded_ns) for truth in memory.truths] == [(0, None), (2 * SECOND, 5 * SECOND)]


async def test_a_load_that_fails_leaves_nothing_in_memory(memory: Memory) -> None:
    failing = asyncio.create_task(memory.hold(fails=True))
    await memory.clock.advance()
    with pytest.raises(LoadError):
        await failing
    assert memory.names() == {}


async def test_one_model_too_many_unloads_an_idle_one(memory: Memory) -> None:
    await memory.load("tiny", keep=-1)
    await memory.load("other", keep=60)
    await memory.load("third", keep=30)
    assert len(memory.names()) == MAX_LOADED
    await memory.load("fourth")
    assert memory.names().keys() == {"tiny:latest", "other:latest", "fourth:latest"}
