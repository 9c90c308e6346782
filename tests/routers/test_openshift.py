"""By way of a real HAProxy that is configured as OpenShift's router is: what each kind of Route does to a chat, and how that is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from probes.ask import Ask, Endpoint, Message, Timeouts, Tls
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from simulator import Latency, Options, simulated
from tests.processes import free_port
from tests.routers.configurations import EDGE_HOST, PASSTHROUGH_HOST, UNAVAILABLE_PAGE, OpenShift
from tests.routers.proxies import routing

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = 60
TRIES = 60


@dataclass(frozen=True)
class Routes:
    """The three ways to one engine."""

    plain: Endpoint
    edge: Endpoint
    passthrough: Endpoint


@asynccontextmanager
async def routes(pem: Path, ca_file: str, folder: Path, engine: str, secure_engine: str, patience: str = "30s") -> AsyncIterator[Routes]:
    """Run the router before an engine that answers at these two of `host:port`."""
    page = folder / "503.http"
    page.write_text(UNAVAILABLE_PAGE, encoding="utf-8")
    router = OpenShift(free_port(), free_port(), free_port(), engine, secure_engine, pem, page, patience)
    secure = f"https://127.0.0.1:{router.secure}"
    async with routing("haproxy", router.text(), router.secure, folder):
        yield Routes(
            Endpoint("plain", "vllm", f"http://127.0.0.1:{router.plain}"),
            Endpoint("edge", "vllm", secure, tls=Tls(ca_file=ca_file, server_name=EDGE_HOST)),
            Endpoint("passthrough", "vllm", secure, tls=Tls(ca_file=ca_file, server_name=PASSTHROUGH_HOST)),
        )


@asynccontextmanager
async def before_an_engine(options: Options, pem: Path, ca_file: str, folder: Path, patience: str = "30s") -> AsyncIterator[Routes]:
    """An engine without TLS and one with it, as pods have either, and the Routes to them."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    async with simulated("vllm", options) as engine, simulated("vllm", options, ssl_context=context) as secure:
        addresses = (engine.url.partition("://")[2], secure.url.partition("://")[2])
        async with routes(pem, ca_file, folder, *addresses, patience) as found:
            yield found


async def chat(prober: Prober, endpoint: Endpoint) -> ChatRecord:
    ask = Ask(model="tiny", messages=(Message("user", "Say something."),), max_tokens=TOKENS, prompt_id="short-question")
    return await prober.chat(endpoint, ask, scenario="cli", timeouts=Timeouts())


async def certain(prober: Prober, endpoint: Endpoint) -> ChatRecord:
    """A chat of which is known when its tokens came."""
    for _ in range(TRIES):
        record = await chat(prober, endpoint)
        assert record.outcome == "ok", record.failure
        if not record.doubtful:
            return record
    raise AssertionError(f"all of {TRIES} chats were doubtful")


@pytest.mark.parametrize("seconds", [0.05, 0.02, 0.005])
async def test_a_plain_route_gathers_tokens_and_one_with_tls_does_not(
    seconds: float, prober: Prober, pem: Path, ca_file: str, tmp_path: Path
) -> None:
    options = Options(latency=Latency(decode_seconds=seconds), answer_tokens=2000)
    async with before_an_engine(options, pem, ca_file, tmp_path) as ways:
        plain, edge, passthrough = await asyncio.gather(*(certain(prober, way) for way in (ways.plain, ways.edge, ways.passthrough)))
    assert (plain.bursts is not None, edge.bursts, passthrough.bursts) == (True, None, None)
    assert plain.ttft_seconds is not None
    assert edge.ttft_seconds is not None
    assert plain.ttft_seconds - edge.ttft_seconds > 0.05


async def test_an_answer_that_goes_on_is_not_cut_by_the_routers_timeout(prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    options = Options(latency=Latency(decode_seconds=0.03), answer_tokens=2000)
    async with before_an_engine(options, pem, ca_file, tmp_path, patience="1s") as ways:
        records = await asyncio.gather(*(chat(prober, way) for way in (ways.plain, ways.edge)))
    assert [record.outcome for record in records] == ["ok", "ok"]
    assert min(record.e2e_seconds for record in records) > 1.5


@pytest.mark.parametrize("fault", ["no-first-token", "stall:5"])
async def test_an_answer_that_the_router_cuts_is_told_as_the_routers(fault: str, prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    async with before_an_engine(Options(faults=(fault,)), pem, ca_file, tmp_path, patience="2s") as ways:
        records = await asyncio.gather(*(chat(prober, way) for way in (ways.plain, ways.edge)))
    for record in records:
        assert record.reason is Reason.TRUNCATED
        assert record.failure is not None
        assert record.failure.detail.endswith("s without a byte, as a router's idle timeout does")


async def test_the_routers_page_says_that_no_pod_is_ready(prober: Prober, pem: Path, ca_file: str, tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with routes(pem, ca_file, tmp_path, nobody, nobody) as ways:
        records = await asyncio.gather(*(chat(prober, way) for way in (ways.plain, ways.edge)))
    for record in records:
        assert (record.reason, record.http_status) == (Reason.UNAVAILABLE, 503)
        assert record.failure is not None
        assert record.failure.detail == "Application is not available"
