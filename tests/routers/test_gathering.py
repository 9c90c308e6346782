"""Real HAProxy and nginx before simulated engines of several speeds: what gathers tokens is recognised, chat by chat, and what does not is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from probes.ask import Endpoint
from probes.probing import Prober
from probes.record import ChatRecord
from simulator import ENGINES, Latency, Options, simulated
from tests.routers.chatting import CHATS, Chats, certain, chat, some, through
from tests.routers.configurations import GATHERING, HANDING_ON, Setup, haproxy, nginx

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEEDS = {0.05: 50, 0.02: 125, 0.005: 400, 0.001: 1000}
"""Seconds a token, and how many tokens are asked for: nginx hands on some 46 chunks of vLLM at once."""


@pytest.fixture
def before_engines(prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> Callable[[Setup, Chats], Awaitable[dict[float, list[ChatRecord]]]]:
    """Chats by way of a router of this setup, with an engine of each speed."""

    async def held(setup: Setup, chats: Chats, seconds: float) -> list[ChatRecord]:
        async with (
            simulated("vllm", Options(latency=Latency(decode_seconds=seconds), answer_tokens=2000)) as engine,
            through(setup, Endpoint("engine", "vllm", engine.url), pem, ca_file, tmp_path) as routed,
        ):
            return await chats(prober, routed, SPEEDS[seconds])

    async def all_held(setup: Setup, chats: Chats) -> dict[float, list[ChatRecord]]:
        return dict(zip(SPEEDS, await asyncio.gather(*(held(setup, chats, seconds) for seconds in SPEEDS)), strict=True))

    return all_held


BeforeEngines = Callable[[Setup, Chats], Awaitable[dict[float, list[ChatRecord]]]]


@pytest.mark.parametrize("setup", GATHERING.values(), ids=GATHERING.keys())
async def test_gathered_tokens_are_recognised_whatever_the_speed(setup: Setup, before_engines: BeforeEngines) -> None:
    for seconds, records in (await before_engines(setup, certain)).items():
        assert all(record.bursts for record in records), (seconds, [record.to_json()["chunks"] for record in records])


@pytest.mark.parametrize("setup", HANDING_ON.values(), ids=HANDING_ON.keys())
async def test_tokens_that_are_handed_on_as_they_come_are_not_taken_for_gathered(setup: Setup, before_engines: BeforeEngines) -> None:
    for seconds, records in (await before_engines(setup, some)).items():
        assert not any(record.bursts for record in records), (seconds, [record.to_json()["chunks"] for record in records])


@pytest.mark.parametrize("name", ENGINES)
async def test_no_engine_is_taken_for_a_router_whatever_its_speed(name: str, prober: Prober) -> None:
    async def held(seconds: float) -> list[ChatRecord]:
        async with simulated(name, Options(latency=Latency(decode_seconds=seconds), answer_tokens=2000, slots=CHATS)) as engine:
            return await some(prober, Endpoint("engine", name, engine.url), SPEEDS[seconds])

    for records in await asyncio.gather(*map(held, SPEEDS)):
        assert not any(record.bursts for record in records), [record.to_json()["chunks"] for record in records]


UNEVEN = Latency(decode_seconds=0.01, jitter=0.5, batch_slowdown=0.05)
RHYTHMS: dict[str, tuple[str, Options, int]] = {
    "a large batch, unevenly": ("vllm", Options(latency=UNEVEN, answer_tokens=2000), 12),
    "several tokens in a chunk": ("vllm", Options(faults=("tokens-per-chunk:8",), answer_tokens=2000), 1),
    "several events of one step": ("tgi", Options(faults=("coalesce:4",), answer_tokens=2000), 1),
    "a pause": ("vllm", Options(faults=("stall:20:0.5",), answer_tokens=2000), 1),
    "its own time is told": ("vllm", Options(per_request_metrics=True, answer_tokens=2000), 1),
}


@pytest.mark.parametrize(("name", "options", "together"), RHYTHMS.values(), ids=RHYTHMS.keys())
async def test_an_engines_own_rhythm_is_not_taken_for_a_routers(name: str, options: Options, together: int, prober: Prober) -> None:
    async with simulated(name, options) as engine:
        endpoint = Endpoint("engine", name, engine.url)
        records = await asyncio.gather(*(chat(prober, endpoint, 100) for _ in range(together)))
    assert not any(record.bursts for record in records), [record.to_json()["chunks"] for record in records]


@pytest.mark.parametrize("name", ["tgi", "vllm"])
async def test_an_engine_may_ask_nginx_not_to_gather(name: str, prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    """TGI sends `X-Accel-Buffering: no`, and vLLM does not."""
    async with (
        simulated(name, Options(latency=Latency(decode_seconds=0.005), answer_tokens=2000)) as engine,
        through(nginx(secure=True), Endpoint("engine", name, engine.url), pem, ca_file, tmp_path) as routed,
    ):
        records = await certain(prober, routed, 100)
    assert [record.bursts is not None for record in records] == [name == "vllm"] * CHATS


async def test_an_engine_that_tells_its_own_time_shows_what_a_short_answer_does_not(prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    """Eight tokens come at once from HAProxy: so might a step of an engine that guesses ahead, but Ollama says that it took as long as for eight."""
    async with (
        simulated("ollama", Options(latency=Latency(decode_seconds=0.02), answer_tokens=2000)) as engine,
        through(haproxy(), Endpoint("engine", "ollama", engine.url), pem, ca_file, tmp_path) as routed,
    ):
        (through_router, *_), direct = await certain(prober, routed, 8), await chat(prober, Endpoint("engine", "ollama", engine.url), 8)
    assert (through_router.bursts is not None, direct.bursts) == (True, None)
