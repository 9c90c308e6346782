"""Real engines, directly and by way of a real HAProxy and nginx: whose tokens are gathered is told of each chat, and of no other."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from probes.ask import Endpoint
from probes.probing import Prober
from probes.record import ChatRecord
from tests.routers.chatting import certain, chat, through
from tests.routers.configurations import haproxy, nginx

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

TOKENS = 300
CHATS = 8
TOGETHER = 4


BACKENDS = {"vllm": "vllm", "llamacpp": "openai"}
"""llama.cpp is asked in the form that all OpenAI-compatible servers have: whether tokens are gathered is told from their rhythm alone."""


@pytest.fixture(params=[name for name in BACKENDS if (Path(__file__).parent / name / "up").exists()])
def engine(request: pytest.FixtureRequest) -> Endpoint:
    """Each engine that there is a starter for."""
    variable = f"CHATPROBE_{request.param.upper()}_URL"
    url = os.environ.get(variable)
    if not url:
        assert not os.environ.get("CI"), f"{variable} is not set"
        pytest.skip(f"{variable} is not set; tests/real/{request.param}/up starts the engine")
    return Endpoint("engine", BACKENDS[request.param], url)


async def some(prober: Prober, endpoint: Endpoint) -> list[ChatRecord]:
    """Chats, a few of them together: alone, a tiny model is so fast that one moment of a busy machine is most of its answer."""
    records: list[ChatRecord] = []
    while len(records) < CHATS:
        records += await asyncio.gather(*(chat(prober, endpoint, TOKENS) for _ in range(TOGETHER)))
    return records


async def test_an_engine_that_is_reached_directly_is_not_taken_for_a_router(engine: Endpoint, prober: Prober) -> None:
    records = await some(prober, engine)
    assert not any(record.bursts for record in records), [record.to_json()["chunks"] for record in records]


async def test_tls_at_the_router_is_a_way_out(engine: Endpoint, prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    async with through(haproxy(secure=True), engine, pem, ca_file, tmp_path) as routed:
        records = await some(prober, routed)
    assert sum(record.bursts is not None for record in records) <= 1, [record.to_json()["chunks"] for record in records]


async def test_haproxy_on_plain_http_gathers(engine: Endpoint, prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    async with through(haproxy(), engine, pem, ca_file, tmp_path) as routed:
        records = await certain(prober, routed, TOKENS)
    assert all(record.bursts for record in records), [record.to_json()["chunks"] for record in records]


async def test_nginx_with_tls_gathers_unless_the_engine_asks_it_not_to(
    engine: Endpoint, prober: Prober, pem: Path, ca_file: str, tmp_path: Path
) -> None:
    """llama.cpp sends `X-Accel-Buffering: no`, and vLLM does not."""
    async with through(nginx(secure=True), engine, pem, ca_file, tmp_path) as routed:
        if engine.backend == "vllm":
            assert all(record.bursts for record in await certain(prober, routed, TOKENS))
        else:
            assert sum(record.bursts is not None for record in await some(prober, routed)) <= 1
