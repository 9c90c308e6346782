"""When a page is looked at, on a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from bench.engine_side.pacing import Pace, Wanted, follow
from bench.level import Block
from tests.traffic.fakes import SECOND_NS, FakeClock, settle


class Looks:
    """A page that takes so long to look at."""

    def __init__(self, every_seconds: float | None, takes_seconds: float = 0.0) -> None:
        self.clock = FakeClock()
        self.pace = Pace(self.clock, every_seconds)
        self.told: list[tuple[float, int, str]] = []
        self.takes_seconds = takes_seconds
        self.task = asyncio.create_task(follow(self.pace, self.look, self.tell))

    async def look(self) -> float:
        at = self.clock.now_ns / SECOND_NS
        if self.takes_seconds:
            await self.clock.sleep_until(self.clock.now_ns + round(self.takes_seconds * SECOND_NS))
        return at

    def tell(self, at: float, wanted: Wanted) -> None:
        self.told.append((at, wanted.block, wanted.mark))

    async def over(self) -> list[tuple[float, int, str]]:
        self.pace.close()
        await self.clock.advance(100)
        await self.task
        return self.told


def block(number: int = 1, warm_up: float = 5.0) -> Block:
    return Block(number, "10 users", 1, ("a",), warm_up, 10.0)


async def test_a_block_is_looked_at_where_it_begins_is_warm_and_ends_and_in_between() -> None:
    looks = Looks(every_seconds=4.0)
    looks.pace.begin(block())
    await looks.clock.advance(10)
    looks.pace.end(block())
    await settle()
    assert await looks.over() == [(0, 1, "begin"), (4, 1, "during"), (5, 1, "measured"), (9, 1, "during"), (10, 1, "end")]


async def test_without_a_warm_up_there_is_no_look_at_its_end() -> None:
    looks = Looks(every_seconds=None)
    looks.pace.begin(block(warm_up=0.0))
    await looks.clock.advance(10)
    looks.pace.end(block(warm_up=0.0))
    assert await looks.over() == [(0, 1, "begin"), (10, 1, "end")]


async def test_between_blocks_nobody_looks() -> None:
    looks = Looks(every_seconds=1.0)
    await looks.clock.advance(10)
    assert await looks.over() == []


async def test_looks_that_take_long_are_taken_less_often() -> None:
    looks = Looks(every_seconds=1.0, takes_seconds=0.1)
    looks.pace.begin(block(warm_up=0.0))
    await looks.clock.advance(12)
    assert [round(at, 3) for at, _, _ in looks.told] == [0.0, 5.1, 10.2]
    looks.task.cancel()


async def test_a_block_that_ends_in_its_warm_up_has_no_measured_look() -> None:
    looks = Looks(every_seconds=None)
    looks.pace.begin(block())
    await looks.clock.advance(2)
    looks.pace.end(block())
    assert await looks.over() == [(0, 1, "begin"), (2, 1, "end")]


async def test_one_look_serves_the_end_of_a_block_and_the_beginning_of_the_next() -> None:
    looks = Looks(every_seconds=None, takes_seconds=0.1)
    looks.pace.begin(block(warm_up=0.0))
    await looks.clock.advance(10)
    looks.pace.end(block(warm_up=0.0))
    looks.pace.begin(block(2, warm_up=0.0))
    assert await looks.over() == [(0, 1, "begin"), (10, 1, "end"), (10, 2, "begin")]


async def test_a_look_that_is_under_way_when_the_block_ends_is_not_its_last() -> None:
    looks = Looks(every_seconds=1.0, takes_seconds=3.0)
    looks.pace.begin(block(warm_up=0.0))
    await looks.clock.advance(1)
    looks.pace.end(block(warm_up=0.0))
    assert await looks.over() == [(0, 1, "begin"), (3, 1, "end")]


async def test_who_waits_for_the_edges_waits_until_they_were_told() -> None:
    looks = Looks(every_seconds=1.0, takes_seconds=0.5)
    await asyncio.wait_for(looks.pace.served(), 1)
    looks.pace.begin(block(warm_up=0.0))
    waiting = asyncio.create_task(looks.pace.served())
    await looks.clock.advance(0.4)
    assert not waiting.done()
    await looks.clock.advance(0.2)
    await waiting
    assert looks.told == [(0, 1, "begin")]
    looks.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looks.task
