"""The proxy that slows an engine by a known factor: it changes when things come, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.slowing import serve
from tests.waiting import PATIENCE_SECONDS

FACTOR = 3.0
GAPS_SECONDS = (0.05, 0.02, 0.03)


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[str, list[list[float]]]]:
    """Answers each line with chunks, and keeps how long after the line each was sent."""
    sent: list[list[float]] = []
    clock = asyncio.get_running_loop().time

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            asked = clock()
            times: list[float] = []
            sent.append(times)
            for number, gap in enumerate(GAPS_SECONDS):
                await asyncio.sleep(gap)
                times.append(clock() - asked)
                writer.write(f"{number}".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", sent


async def test_each_chunk_takes_the_factor_as_long_since_its_own_request() -> None:
    async with engine() as (url, sent), await serve(url, FACTOR) as proxy, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
        clock = asyncio.get_running_loop().time
        for request in range(2):
            asked = clock()
            writer.write(b"chat\n")
            came = []
            for number in range(len(GAPS_SECONDS)):
                assert await reader.readexactly(1) == str(number).encode()
                came.append(clock() - asked)
            assert all(late >= FACTOR * soon for late, soon in zip(came, sent[request], strict=True))
        writer.close()
        await writer.wait_closed()


async def test_it_ends_when_the_engine_does_with_all_that_was_said() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"all of it")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, asyncio.timeout(PATIENCE_SECONDS):
        host, port = server.sockets[0].getsockname()
        async with await serve(f"http://{host}:{port}", FACTOR) as proxy:
            reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
            writer.write(b"chat\n")
            assert await reader.read() == b"all of it"
            writer.close()


async def test_where_no_engine_answers_the_connection_ends() -> None:
    async with await serve("http://127.0.0.1:1", FACTOR) as proxy, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
