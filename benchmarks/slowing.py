"""A proxy that makes an engine slower by a known factor, in all times that a client sees, whatever the engine is.

    python -m benchmarks.slowing URL --factor 1.1

prints its own URL, and runs until it is ended. What came t after its request had gone on is passed on factor × t after it. So the first
token, every gap between tokens and the whole answer take that many times as long, and nothing else changes: chunks stay as they are, and
the engine itself is as fast as before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

READ_BYTES = 1 << 16


@dataclass
class _Exchange:
    """One connection. `asked_at` is when the last of a request went on, on the loop's clock."""

    factor: float
    asked_at: float = 0.0
    due: asyncio.Queue[tuple[float, bytes]] = field(default_factory=asyncio.Queue)

    def delayed(self, now: float) -> float:
        """When what came now is passed on."""
        return self.asked_at + self.factor * (now - self.asked_at)


async def serve(url: str, factor: float, host: str = "127.0.0.1") -> asyncio.Server:
    """Listens on a free port and passes all on to the engine. It is the caller's to close."""
    parts = urlsplit(url)
    engine = parts.hostname or host, parts.port or 80

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_engine = await asyncio.open_connection(*engine)
        except OSError:
            writer.close()  # the client sees a connection that ends, as with a dead engine behind a router
            return
        await _pass_on(_Exchange(factor), (reader, writer), to_engine)

    return await asyncio.start_server(client, host, 0)


async def _pass_on(
    exchange: _Exchange, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], engine: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Until either side ends."""
    tasks = [
        asyncio.create_task(_requests(exchange, client[0], engine[1])),
        asyncio.create_task(_answers(exchange, engine[0])),
        asyncio.create_task(_deliver(exchange, client[1])),
    ]
    requests, _, delivery = tasks
    try:
        await asyncio.wait({requests, delivery}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in (client[1], engine[1]):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _requests(exchange: _Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while sent := await reader.read(READ_BYTES):
        writer.write(sent)
        await writer.drain()
        exchange.asked_at = asyncio.get_running_loop().time()


async def _answers(exchange: _Exchange, reader: asyncio.StreamReader) -> None:
    loop = asyncio.get_running_loop()
    while answer := await reader.read(READ_BYTES):
        exchange.due.put_nowait((exchange.delayed(loop.time()), answer))
    exchange.due.put_nowait((exchange.delayed(loop.time()), b""))


async def _deliver(exchange: _Exchange, writer: asyncio.StreamWriter) -> None:
    """In the order in which it came, each at its time; an end too."""
    loop = asyncio.get_running_loop()
    while True:
        at, answer = await exchange.due.get()
        await asyncio.sleep(max(0.0, at - loop.time()))
        if not answer:
            return
        writer.write(answer)
        await writer.drain()


async def _run(url: str, factor: float) -> None:
    server = await serve(url, factor)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"slowing http://{host}:{port} {url} by {factor:g}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--factor", type=float, required=True)
    given = parser.parse_args()
    if given.factor < 1:
        parser.error("--factor: nothing can come sooner than it comes; give 1 or more")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(given.url, given.factor))


if __name__ == "__main__":
    main()
