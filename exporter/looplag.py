"""How late the event loop is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SAMPLE_EVERY_SECONDS = 0.5


async def watch_loop(note: Callable[[float], None]) -> None:
    """Sample for ever: how many seconds later than asked for a timer fired."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + SAMPLE_EVERY_SECONDS
        await asyncio.sleep(SAMPLE_EVERY_SECONDS)
        note(max(0.0, loop.time() - due))
