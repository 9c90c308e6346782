"""How late the event loop is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SAMPLE_EVERY_SECONDS = 0.5


async def watch_loop(note: Callable[[float], None]) -> None:
    """Sample for ever by how many seconds a timer fires later than asked for."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + SAMPLE_EVERY_SECONDS
        await asyncio.sleep(SAMPLE_EVERY_SECONDS)
        note(max(0.0, loop.time() - due))
