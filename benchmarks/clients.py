"""The clients that are compared: chatprobe's own prober, the same while somebody looks on, and plain aiohttp and httpx as most tools use them.

    python -m benchmarks.clients chatprobe|watched|aiohttp|httpx URL --streams N --chats M --cpu 0 --out FILE [--ca FILE]

Runs N streams at once, M chats on each, and writes for each chat its TTFT and the instants of its chunks since it was sent, and the
processor time that all of it took, from the second chat to the last, child processes and threads included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from probes.ask import Ask, Endpoint, Message, Timeouts, Tls
from probes.piece import Onlooker, Piece
from probes.probing import Prober
from probes.record import ChatRecord

SPREAD_SECONDS = 4.0
"""Streams begin one after the other over this time, a chat's length: as users do, not in step."""
ASK = {"model": "m", "messages": [{"role": "user", "content": "Say something."}], "stream": True, "max_tokens": 1000}


@dataclass
class Chat:
    request_id: str
    chunks: list[float]
    """Seconds since sent, a token-bearing chunk each."""
    doubtful: bool = False
    bounds: list[float] | None = None


Run = Callable[[], Awaitable[Chat]]
Client = Callable[[str, str | None, Callable[[Run, list[int]], Awaitable[None]]], Awaitable[None]]


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of all threads of these processes so far, in seconds."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


async def run_streams(streams: int, chats: int, run: Run) -> list[Chat]:
    done: list[Chat] = []

    async def stream(number: int) -> None:
        await asyncio.sleep(SPREAD_SECONDS * number / streams)
        for _ in range(chats):
            done.append(await run())

    await asyncio.gather(*(stream(number) for number in range(streams)))
    return done


def measured(record: ChatRecord) -> Chat:
    """What is compared of a chat of chatprobe's."""
    assert record.outcome == "ok", record.failure
    assert record.sent_ns is not None
    instants = [(chunk.arrived_ns - record.sent_ns) / 1e9 for chunk in record.chunks]
    return Chat(record.request_id, instants, record.doubtful, [chunk.error_ns / 1e9 for chunk in record.chunks])


async def with_chatprobe(url: str, ca: str | None, measure: Callable[[Run, list[int]], Awaitable[None]], onlooker: Onlooker | None = None) -> None:
    endpoint = Endpoint("bench", "vllm", url, "m", tls=Tls(ca_file=ca))
    ask = Ask("m", (Message("user", "Say something."),), 1000, "bench", cache="warm")

    async def run() -> Chat:
        return measured(await prober.chat(endpoint, ask, scenario="bench", timeouts=Timeouts(), onlooker=onlooker))

    async with Prober() as prober:
        await measure(run, [os.getpid(), *(worker.pid for worker in prober.workers if worker.pid is not None)])


def has_text(line: bytes) -> bool:
    """Whether a line of the stream is a chunk with text, read as plain clients do."""
    if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
        return False
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))


async def with_aiohttp(url: str, ca: str | None, measure: Callable[[Run, list[int]], Awaitable[None]]) -> None:
    import aiohttp

    context = ssl.create_default_context(cafile=ca) if ca else False
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=context)) as session:

        async def run() -> Chat:
            request_id = uuid.uuid4().hex
            chunks: list[float] = []
            sent = time.perf_counter()
            async with session.post(f"{url}/v1/chat/completions", json=ASK, headers={"X-Request-Id": request_id}) as response:
                async for line in response.content:
                    if has_text(line):
                        chunks.append(time.perf_counter() - sent)
            return Chat(request_id, chunks)

        await measure(run, [os.getpid()])


async def with_httpx(url: str, ca: str | None, measure: Callable[[Run, list[int]], Awaitable[None]]) -> None:
    import httpx

    context = ssl.create_default_context(cafile=ca) if ca else False
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(verify=context, limits=limits, timeout=120) as client:

        async def run() -> Chat:
            request_id = uuid.uuid4().hex
            chunks: list[float] = []
            sent = time.perf_counter()
            async with client.stream("POST", f"{url}/v1/chat/completions", json=ASK, headers={"X-Request-Id": request_id}) as response:
                async for line in response.aiter_lines():
                    if has_text(line.encode()):
                        chunks.append(time.perf_counter() - sent)
            return Chat(request_id, chunks)

        await measure(run, [os.getpid()])


class _Reader:
    """Keeps what it is told, as whoever shows it does."""

    def __init__(self) -> None:
        self.sent_ns: list[int] = []
        self.pieces: list[Piece] = []

    def sent(self, sent_ns: int) -> None:
        self.sent_ns.append(sent_ns)

    def hear(self, piece: Piece) -> None:
        self.pieces.append(piece)


CLIENTS: dict[str, Client] = {
    "chatprobe": with_chatprobe,
    "watched": partial(with_chatprobe, onlooker=_Reader()),
    "aiohttp": with_aiohttp,
    "httpx": with_httpx,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("url")
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--chats", type=int, default=2)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ca")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})

    async def measure(run: Run, pids: list[int]) -> None:
        await run()  # the worker is still starting meanwhile, which takes as much as thousands of tokens
        before = cpu_seconds(pids)
        chats = await run_streams(options.streams, options.chats, run)
        spent = cpu_seconds(pids) - before
        out = {"cpu_seconds": spent, "chats": [[chat.request_id, chat.chunks, chat.doubtful, chat.bounds] for chat in chats]}
        options.out.write_text(json.dumps(out))

    async def run_client() -> None:
        await CLIENTS[options.client](options.url, options.ca, measure)

    asyncio.run(run_client())


if __name__ == "__main__":
    main()
