"""Discovery as it goes on, looked at until something holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from config.model import Config
from discovery.kubernetes.source import Seen, Source
from probes.control import Control
from traffic.schedule import SystemClock

PATIENCE_SECONDS = 20


@asynccontextmanager
async def looking(config: Config) -> AsyncIterator[Source]:
    async with Control() as control:
        source = Source(control, SystemClock())
        try:
            await source.configure(config)
            yield source
        finally:
            await source.close()


async def until(source: Source, holds: Callable[[Seen], bool]) -> Seen:
    """What is seen once this holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            source.seen = await source.look()
            if source.seen.looked and holds(source.seen):
                return source.seen
            await asyncio.sleep(0.05)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(0.05)


def names(seen: Seen) -> list[str]:
    return [one.candidate.name.removeprefix("vllm-benchmark/") for one in seen.engines]


def urls(seen: Seen) -> list[str]:
    return [one.engine.url for one in seen.engines]
