"""Discovery as it goes on, looked at until something holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from config.model import Config
from config.secrets import Secrets
from discovery.kubernetes.discovery import ClusterDiscovery, Seen
from probes.control import Control
from tests.waiting import PATIENCE_SECONDS
from traffic.schedule import SystemClock


@asynccontextmanager
async def looking(config: Config) -> AsyncIterator[ClusterDiscovery]:
    async with Control() as control:
        discovery = ClusterDiscovery(control, SystemClock())
        try:
            await discovery.configure(config, Secrets())
            yield discovery
        finally:
            await discovery.close()


async def until(discovery: ClusterDiscovery, holds: Callable[[Seen], bool]) -> Seen:
    """What is seen once this holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            discovery.seen = await discovery.look()
            if discovery.seen.looked and holds(discovery.seen):
                return discovery.seen
            await asyncio.sleep(0.05)


def names(seen: Seen) -> list[str]:
    return [one.candidate.name.removeprefix("vllm-benchmark/") for one in seen.engines]


def urls(seen: Seen) -> list[str]:
    return [one.url for one in seen.engines]
