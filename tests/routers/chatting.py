"""Chats by way of a real router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from probes.ask import Ask, Endpoint, Message, Tls
from probes.probing import Prober
from probes.record import ChatRecord
from tests.processes import free_port
from tests.routers.configurations import Setup
from tests.routers.proxies import routing

Chats = Callable[[Prober, Endpoint, int], Awaitable[list[ChatRecord]]]
CHATS = 2
TRIES = 60


@asynccontextmanager
async def through(setup: Setup, engine: Endpoint, pem: Path, ca_file: str, folder: Path) -> AsyncIterator[Endpoint]:
    """The engine, by way of a router."""
    port = free_port()
    address = engine.url.partition("://")[2]
    async with routing(setup.program, setup.text(port, address, pem), port, folder):
        scheme = "https" if setup.secure else "http"
        yield Endpoint(engine.name, engine.backend, f"{scheme}://127.0.0.1:{port}", tls=Tls(ca_file=ca_file) if setup.secure else Tls())


async def chat(prober: Prober, endpoint: Endpoint, tokens: int) -> ChatRecord:
    ask = Ask(model="tiny", messages=(Message("user", "Say something."),), max_tokens=tokens, prompt_id="short-question")
    record = await prober.chat(endpoint, ask, scenario="cli")
    assert record.outcome == "ok", record.failure
    return record


async def some(prober: Prober, endpoint: Endpoint, tokens: int) -> list[ChatRecord]:
    return await asyncio.gather(*(chat(prober, endpoint, tokens) for _ in range(CHATS)))


async def certain(prober: Prober, endpoint: Endpoint, tokens: int) -> list[ChatRecord]:
    """Some chats of which is known when their tokens came: on a busy machine it is not of all of them, and as many as are missing are held anew."""
    found: list[ChatRecord] = []
    held = 0
    while len(found) < CHATS and held < TRIES:
        records = await asyncio.gather(*(chat(prober, endpoint, tokens) for _ in range(CHATS - len(found))))
        found += [record for record in records if not record.doubtful]
        held += len(records)
    assert len(found) == CHATS, f"of {held} chats {held - len(found)} were doubtful"
    return found
