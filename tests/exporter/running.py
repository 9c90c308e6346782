"""A whole exporter in a thread of its own, for tests that ask it as programs do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from config.model import Config
from exporter.exporting import exporting
from exporter.web.api.runs import Bench
from exporter.web.racing import Judge, no_judge
from tests.exporter.engine import Engine, engine
from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class Exporter:
    """Where it listens, and the engine that its targets are."""

    url: str
    engine: Engine


@contextmanager
def running(settings: Callable[[str], Config], bench: Bench | None = None, judge: Judge = no_judge) -> Iterator[Exporter]:
    """Run an exporter with the configuration that is made of the engine's URL, while the context lasts."""
    started, stop = threading.Event(), asyncio.Event()
    found: list[Exporter] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(engine())
            exporter = await stack.enter_async_context(exporting(settings(one.url), bench=bench, judge=judge, grace_seconds=1))
            found.append(Exporter(f"http://{exporter.address}", one))
            started.set()
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        finally:
            started.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS)
        assert found, "it did not start"
        yield found[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
