"""Something that is done again and again while something else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def repeating(act: Callable[[], None], every_seconds: float) -> AsyncIterator[None]:
    """Calls `act` each so many seconds while the context lasts, on its event loop; first after that time."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            act()

    acting = asyncio.create_task(repeat())
    try:
        yield
    finally:
        acting.cancel()
