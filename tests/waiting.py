"""Waiting for what must come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0
"""How long a test waits for anything before it fails: however busy the machine is, only what hangs takes so long."""


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that happens elsewhere. Raises `TimeoutError` once patience has run out."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - nobody there could set an event
            await asyncio.sleep(0.01)


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait, where no loop runs, until something holds that happens in another thread. Raises `TimeoutError` once patience has run out."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)
