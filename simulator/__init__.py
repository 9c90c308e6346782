"""The engines, simulated: exact wire forms, a latency model, faults, and the ground truth of what was sent when."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulator.dialects import ENGINES
from simulator.options import Capacity, Latency, Library, Options
from simulator.simulator import Simulator

__all__ = ["ENGINES", "Capacity", "Latency", "Library", "Options", "Simulator", "simulated"]


@asynccontextmanager
async def simulated(
    name: str,
    options: Options = Options(),  # noqa: B008 - frozen
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Simulator]:
    """Run a simulated engine inside the current event loop: `url`, `truth` and `faults` are those of the `Simulator` it gives.

    Port 0 takes a free one. Raises `OSError` if the address cannot be had, `FaultError` for an unknown fault in the options.
    """
    engine = Simulator(name, options)
    await engine.start(host, port, ssl_context)
    try:
        yield engine
    finally:
        await engine.stop()
