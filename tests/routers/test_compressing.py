"""Real HAProxy and nginx that compress an answer before simulated engines: it is read as it comes, and told as gathered where they gather it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from probes.ask import Endpoint
from probes.probing import Prober
from simulator import Latency, Options, simulated
from tests.routers.chatting import CHATS, certain, through
from tests.routers.configurations import Setup, haproxy, nginx

pytestmark = pytest.mark.asyncio(loop_scope="module")

GZIP = ("gzip on;", "gzip_proxied any;", "gzip_types text/event-stream;")
COMPRESSION = ("  compression algo gzip", "  compression type text/event-stream")
SETUPS: dict[str, tuple[Setup, bool]] = {
    "nginx": (nginx(*GZIP), True),
    "nginx with TLS": (nginx(*GZIP, secure=True), True),
    "nginx without buffering": (nginx(*GZIP, "proxy_buffering off;"), False),
    "HAProxy": (haproxy(*COMPRESSION), True),
    "HAProxy with http-no-delay": (haproxy(*COMPRESSION, "  option http-no-delay"), False),
    "HAProxy with TLS": (haproxy(*COMPRESSION, secure=True), False),
}


@pytest.mark.parametrize(("setup", "gathers"), SETUPS.values(), ids=SETUPS.keys())
async def test_a_router_that_compresses(setup: Setup, gathers: bool, prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    """It is asked to, as a gateway before it might."""
    async with (
        simulated("vllm", Options(latency=Latency(decode_seconds=0.02), answer_tokens=2000)) as engine,
        through(setup, Endpoint("engine", "vllm", engine.url), pem, ca_file, tmp_path) as routed,
    ):
        records = await certain(prober, replace(routed, headers={"Accept-Encoding": "gzip"}), 100)
    assert {record.content_encoding for record in records} == {"gzip"}
    assert [record.bursts is not None for record in records] == [gathers] * CHATS, [record.to_json()["chunks"] for record in records]
