"""A run in small: users chat with engines over sockets, block by block, and listeners hear of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from bench.chat import Place, chat_of
from bench.events import BlockBegun, BlockEnded, ChatEnded, Event, LevelBegun, Listener, RoundEnded
from bench.level import Block, Level
from config.load import ClosedLoop, UserStage
from probes import backends
from probes.ask import Ask, Cache, Endpoint, Message
from probes.probing import Prober


def users(number: int, target: str = "vllm") -> Level:
    return Level(f"{number} users", {target: ClosedLoop((UserStage(number),))})


async def measure(
    prober: Prober,
    endpoint: Endpoint,
    level: Level,
    listeners: Sequence[Listener],
    *,
    block: Block,
    max_tokens: int = 16,
    cache: Cache = "cold",
    prompt: str = "Say something.",
    ready: Callable[[], Awaitable[None]] | None = None,
    exact: bool = True,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """One block with one target: its users chat without a pause until it is over, or there is enough of it."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    async def user(number: int) -> None:
        turn = 0
        while (since := time.monotonic() - began) < block.seconds and not enough():
            turn += 1
            ask = Ask(
                model="tiny",
                messages=(Message("user", prompt),),
                max_tokens=max_tokens,
                prompt_id="p",
                cache=cache,
                nonce=f"{block.number}x{number}x{turn}" if cache == "cold" else None,
                exact_length=exact and backends.get(endpoint.backend).exact_length,
            )
            record = await prober.chat(endpoint, ask, scenario="bench")
            place = Place(level.name, block.round, block.number, since, since < block.warm_up_seconds)
            tell(ChatEnded(chat_of(record, place, cut=False), record))

    tell(LevelBegun(level, 1, 1))
    tell(BlockBegun(block, time.time()))
    if ready:
        await ready()
    began = time.monotonic()
    load = level.loads[endpoint.name]
    assert isinstance(load, ClosedLoop)
    await asyncio.gather(*(user(number) for number in range(load.stages[0].users)))
    tell(BlockEnded(block, time.time()))
    if ready:
        await ready()
    tell(RoundEnded(level, block.round))
