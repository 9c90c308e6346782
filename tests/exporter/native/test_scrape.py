"""Native scrapes, against small servers."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio

from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import OTHERS_LIMIT
from exporter.native.scrape import BODY_LIMIT, Scraper
from probes.ask import Endpoint, Tls
from probes.backends.fields import LONGEST_NAME
from probes.backends.ollama_models import MODELS_LIMIT
from probes.numbers.family import Family, Sample
from probes.numbers.loaded import LoadedModel
from probes.numbers.number import Number
from simulator import simulated
from tests.answers import END, chunk, head, whole
from tests.servers import Peer, Script, Server, closed_port, deaf_listener, serving, then_close, then_hold, then_reset
from tests.traffic.fakes import FakeClock
from tests.waiting import PATIENCE_SECONDS
from traffic.schedule import SystemClock

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
TEXT = b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2\n"
RUNNING = (Family("vllm:num_requests_running", "gauge", "", (Sample("vllm:num_requests_running", (), 2.0),)),)
PS = '{"models":[{"name":"tiny:latest","size":900,"size_vram":300,"context_length":4096,"expires_at":"2026-11-21T07:00:00.5Z"}]}'


@pytest_asyncio.fixture
async def scraper() -> AsyncIterator[Scraper]:
    async with Scraper(SystemClock()) as opened:
        yield opened


async def scraped(scraper: Scraper, server: Server, backend: str = "vllm") -> tuple[Family, ...]:
    endpoint = Endpoint("engine", backend, server.url)
    return (await scraper.metrics(endpoint, f"{server.url}/metrics", timeout_seconds=5)).families


async def refused(scraper: Scraper, url: str, reason: NativeReason, *, timeout_seconds: float = 5, backend: str = "vllm") -> ScrapeError:
    with pytest.raises(ScrapeError) as raised:
        await scraper.metrics(Endpoint("engine", backend, url), f"{url}/metrics", timeout_seconds=timeout_seconds)
    assert raised.value.reason is reason
    return raised.value


async def test_what_is_asked_and_when_it_came() -> None:
    clock = FakeClock(now_ns=5)

    def script(peer: Peer) -> None:
        peer.request()
        clock.now_ns = 7
        peer.send(whole(200, TEXT, PLAIN))

    with serving(script) as server:
        async with Scraper(clock) as scraper:
            found = await scraper.metrics(Endpoint("engine", "vllm", server.url), f"{server.url}/metrics", timeout_seconds=5)
    assert (found.families, found.began_ns, found.ended_ns) == (RUNNING, 5, 7)
    asked = server.requests[0].lower()
    assert asked.startswith(b"get /metrics http/1.1\r\n")
    assert b"\r\naccept: text/plain;version=0.0.4\r\n" in asked
    assert b"\r\naccept-encoding: identity\r\n" in asked


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
async def test_simulated_engines(scraper: Scraper, engine: str) -> None:
    async with simulated("vllm" if engine == "vllm" else "tgi") as simulator:
        found = await scraper.metrics(Endpoint("engine", engine, simulator.url), f"{simulator.url}/metrics", timeout_seconds=5)
    assert len(found.families) > 30 if engine == "vllm" else found.families == ()


async def test_each_scrape_has_a_connection_of_its_own(scraper: Scraper) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(whole(200, TEXT, PLAIN))

    with serving(script) as server:
        for _ in range(3):
            assert await scraped(scraper, server) == RUNNING
    assert server.connections == 3


@pytest.mark.parametrize("status", [204, 301, 302, 401, 404, 503])
async def test_a_status(scraper: Scraper, status: int) -> None:
    with serving(then_close(whole(status, b"", PLAIN, "Location: /elsewhere"))) as server:
        error = await refused(scraper, server.url, NativeReason.STATUS)
    assert str(error) == f"status {status}"
    assert len(server.requests) == 1


async def test_key_and_headers_are_sent_where_the_caller_says_and_never_told(scraper: Scraper) -> None:
    with serving(then_close(whole(401, b"k-secret"))) as server:
        endpoint = Endpoint("engine", "vllm", "http://127.0.0.1:1", api_key="k-secret", headers={"X-Team": "bl\xe5"})
        with pytest.raises(ScrapeError) as raised:
            await scraper.metrics(endpoint, f"{server.url}/replica/metrics", timeout_seconds=5)
    assert b"Authorization: Bearer k-secret\r\n" in server.requests[0]
    assert b"X-Team: bl\xe5\r\n" in server.requests[0]
    assert "secret" not in str(raised.value)


async def test_a_key_that_no_header_can_hold_is_not_told(scraper: Scraper) -> None:
    endpoint = Endpoint("engine", "vllm", f"http://127.0.0.1:{closed_port()}", api_key="k\nsecret")
    with serving(then_close()) as server, pytest.raises(ScrapeError) as raised:
        await scraper.metrics(endpoint, server.url, timeout_seconds=5)
    assert raised.value.reason is NativeReason.UNREACHABLE
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_gzip_is_understood(scraper: Scraper, encoding: str) -> None:
    with serving(then_close(whole(200, gzip.compress(TEXT), PLAIN, f"Content-Encoding: {encoding}"))) as server:
        assert await scraped(scraper, server) == RUNNING


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(TEXT) + b"more"),
        ("gzip", b""),
        ("br", TEXT),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
    ],
    ids=["none", "cut", "and more", "empty", "another", "twice"],
)
async def test_a_compression_that_is_not_understood(scraper: Scraper, encoding: str, body: bytes) -> None:
    with serving(then_close(whole(200, body, PLAIN, f"Content-Encoding: {encoding}"))) as server:
        await refused(scraper, server.url, NativeReason.UNREADABLE)


async def test_a_small_gzip_of_a_large_body_is_not_decompressed_whole(scraper: Scraper) -> None:
    bomb = gzip.compress(bytes(100 * 1024 * 1024), compresslevel=1)
    assert len(bomb) < BODY_LIMIT
    with serving(then_close(whole(200, bomb, PLAIN, "Content-Encoding: gzip"))) as server:
        tracemalloc.start()
        await refused(scraper, server.url, NativeReason.TOO_LARGE)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * BODY_LIMIT


async def test_a_length_that_is_too_large_is_not_waited_for(scraper: Scraper) -> None:
    with serving(then_hold(head(200, PLAIN, length=50 * 1024 * 1024), TEXT)) as server:
        await refused(scraper, server.url, NativeReason.TOO_LARGE)


async def test_a_body_without_end(scraper: Scraper) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head(200, PLAIN))
        while True:
            peer.send(chunk(TEXT * 1000))

    with serving(script) as server:
        await refused(scraper, server.url, NativeReason.TOO_LARGE)
    assert len(server.sent) * len(TEXT * 1000) < 4 * BODY_LIMIT


@pytest.mark.parametrize(("content_type", "end"), [(PLAIN, b""), ("application/openmetrics-text", b"# EOF\n")])
async def test_a_body_of_ever_more_series(scraper: Scraper, content_type: str, end: bytes) -> None:
    body = b"".join(b"vllm:%x 1\n" % number for number in range(500_000)) + end
    assert len(body) < BODY_LIMIT
    with serving(then_close(whole(200, body, content_type))) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        tracemalloc.start()
        found = await scraper.metrics(endpoint, f"{server.url}/metrics", timeout_seconds=5)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(found.families) == OTHERS_LIMIT
    assert sum(one.series for one in found.left_out) == 500_000 - OTHERS_LIMIT
    assert peak < 8 * BODY_LIMIT


@pytest.mark.parametrize(
    "line",
    [
        f'vllm:lora_requests_info{{waiting_lora_adapters="{",".join(map(str, range(9000)))}"}} 1',
        'vllm:num_requests_running{engine="1" model_name="tiny"} 1',
        'vllm:num_requests_running{engine="1"} many',
        'vllm:time_to_first_token_seconds_bucket{le="0.5"} 1 2 3',
    ],
    ids=lambda line: line[:40],
)
async def test_a_line_that_cannot_be_read_takes_its_own_number_along_and_no_other(scraper: Scraper, line: str) -> None:
    body = (
        'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_waiting{engine="0"} 3\n'
        'vllm:time_to_first_token_seconds_bucket{le="+Inf"} 1\nvllm:time_to_first_token_seconds_sum 1\nvllm:time_to_first_token_seconds_count 1\n'
        f"{line}\n"
    )
    with serving(then_close(whole(200, body.encode(), PLAIN))) as server:
        found = await scraper.metrics(Endpoint("engine", "vllm", server.url), f"{server.url}/metrics", timeout_seconds=5)
    told = {Number.REQUESTS_RUNNING: "vllm:num_requests_running", Number.REQUESTS_WAITING: "", Number.TTFT: "vllm:time_to_first_token_seconds"}
    assert found.numbers.keys() == {number for number, name in told.items() if not name or not line.startswith(name)}
    assert [(one.name, one.series) for one in found.left_out] == [(line.partition("{")[0], 1)]


async def test_the_largest_body_that_is_read(scraper: Scraper) -> None:
    body = b"#%s\n" % (b"." * 1022) * (BODY_LIMIT // 1024 - 1) + TEXT.rjust(1024)
    for extra, fits in ((b"", True), (b"\n", False)):
        with serving(then_close(head(200, PLAIN), chunk(body + extra), END)) as server:
            if fits:
                assert await scraped(scraper, server) == RUNNING
            else:
                await refused(scraper, server.url, NativeReason.TOO_LARGE)


@pytest.mark.parametrize(
    "pieces",
    [
        [head(200, PLAIN, length=len(TEXT) + 10), TEXT],
        [head(200, PLAIN), chunk(TEXT)],
        [head(200, PLAIN), b"%x\r\n" % (len(TEXT) + 10) + TEXT],
        [b"HTTP/1.1 200 OK\r\n\r\n", TEXT[:-1]],
        [head(200, PLAIN), b"no chunk\r\n"],
        [whole(200, b"<html>starting</html>\n", "text/html")],
        [whole(200, b"vllm:num_requests_running two\n", PLAIN)],
        [whole(200, orjson.dumps({"metrics": TEXT.decode()}), "application/json")],
    ],
    ids=["length", "no last chunk", "in a chunk", "in a line", "chunking", "html", "text", "json"],
)
async def test_an_answer_that_is_cut_short_or_no_exposition(scraper: Scraper, pieces: list[bytes]) -> None:
    with serving(then_close(*pieces)) as server:
        await refused(scraper, server.url, NativeReason.UNREADABLE)


@pytest.mark.parametrize("content_type", [PLAIN, "application/json"])
async def test_a_page_as_a_json_text_is_read(scraper: Scraper, content_type: str) -> None:
    plain, quoted = (whole(200, TEXT, PLAIN), whole(200, orjson.dumps(TEXT.decode()), content_type))
    found = []
    for piece in (plain, quoted):
        with serving(then_close(piece)) as server:
            scraped = await scraper.metrics(Endpoint("engine", "vllm", server.url), f"{server.url}/metrics", timeout_seconds=5)
        found.append((scraped.families, scraped.numbers))
    assert found[0] == found[1]


@pytest.mark.parametrize("pieces", [[whole(200, TEXT[:-1], PLAIN)], [head(200, PLAIN), chunk(TEXT[:-1]), chunk(b"")]], ids=["length", "chunks"])
async def test_a_text_whose_end_http_tells_needs_no_line_end(scraper: Scraper, pieces: list[bytes]) -> None:
    with serving(then_close(*pieces)) as server:
        scraped = await scraper.metrics(Endpoint("engine", "vllm", server.url), f"{server.url}/metrics", timeout_seconds=5)
    assert scraped.families


@pytest.mark.parametrize(
    "script",
    [
        then_close(),
        then_close(b"HTTP/1.1 200 OK\r\nContent-"),
        then_close(b"SSH-2.0-OpenSSH_9.2\r\n"),
        then_reset(),
        then_reset(head(200, PLAIN, length=500), TEXT),
    ],
    ids=["closed", "in the head", "no HTTP", "reset", "reset in the body"],
)
async def test_a_connection_that_breaks(scraper: Scraper, script: Script) -> None:
    with serving(script) as server:
        await refused(scraper, server.url, NativeReason.UNREACHABLE)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{closed}", "http://engine.invalid:1", "ftp://127.0.0.1", "http://127.0.0.1:x"])
async def test_nobody_there(scraper: Scraper, url: str) -> None:
    await refused(scraper, url.format(closed=closed_port()), NativeReason.UNREACHABLE)


@pytest.mark.parametrize(
    "pieces", [[], [b"HTTP/1.1 200 OK\r\n"], [head(200, PLAIN, length=500), TEXT]], ids=["before the head", "in the head", "in the body"]
)
async def test_a_server_that_hangs(scraper: Scraper, pieces: list[bytes]) -> None:
    with serving(then_hold(*pieces)) as server:
        error = await refused(scraper, server.url, NativeReason.TIMEOUT, timeout_seconds=0.1)
    assert str(error) == "no whole answer within 0.1 s"


async def test_a_server_that_drips(scraper: Scraper) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head(200, PLAIN))
        while True:
            peer.send(chunk(b"\n"))
            threading.Event().wait(0.01)

    with serving(script) as server:
        await refused(scraper, server.url, NativeReason.TIMEOUT, timeout_seconds=0.2)


async def test_an_address_that_does_not_answer(scraper: Scraper) -> None:
    with deaf_listener() as (host, port):
        await refused(scraper, f"http://{host}:{port}", NativeReason.TIMEOUT, timeout_seconds=0.1)


async def test_a_tls_handshake_that_hangs(scraper: Scraper) -> None:
    with serving(lambda peer: peer.await_client_gone()) as server:
        began = time.monotonic()
        await refused(scraper, server.url.replace("http", "https"), NativeReason.TIMEOUT, timeout_seconds=0.2)
    assert time.monotonic() - began < 2


async def test_tls(scraper: Scraper, secure: ssl.SSLContext, trusting: Callable[[Server], Endpoint]) -> None:
    with serving(then_close(whole(200, TEXT, PLAIN)), tls=secure) as server:
        url = f"{server.url}/metrics"
        assert (await scraper.metrics(trusting(server), url, timeout_seconds=5)).families == RUNNING
        for tls in (Tls(), Tls(ca_file="/missing.pem")):
            with pytest.raises(ScrapeError) as raised:
                await scraper.metrics(replace(trusting(server), tls=tls), url, timeout_seconds=5)
            assert raised.value.reason is NativeReason.UNREACHABLE


async def test_an_https_url_goes_through_the_proxy_of_its_chats(scraper: Scraper, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(then_close(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        await refused(scraper, "https://engine.test", NativeReason.UNREACHABLE)
    assert proxy.requests[0].startswith(b"CONNECT engine.test:443 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"# TYPE http_requests_total counter\nhttp_requests_total 7\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.7e9\n",
        b"# TYPE vllm:e2e_request_latency_seconds histogram\n",
        b"# TYPE vllm:tool_call_parser_invocations_total counter\nvllm:tool_call_parser_invocations_total 1\n",
    ],
    ids=["nothing", "http and process", "no series", "tool parser"],
)
async def test_a_vllm_without_statistics(scraper: Scraper, body: bytes) -> None:
    with serving(then_close(whole(200, body, PLAIN))) as server:
        await refused(scraper, server.url, NativeReason.EMPTY)


async def test_a_fresh_tgi_has_nothing_yet(scraper: Scraper) -> None:
    with serving(then_close(whole(200, b"", PLAIN))) as server:
        assert await scraped(scraper, server, "tgi") == ()


async def test_hanging_engines_hold_up_no_other(scraper: Scraper) -> None:
    everyone_asked = threading.Barrier(121)

    def script(peer: Peer) -> None:
        peer.request()
        everyone_asked.wait(PATIENCE_SECONDS)
        peer.await_client_gone()

    with serving(script) as hanging, serving(then_close(whole(200, TEXT, PLAIN))) as server:
        waiting = [asyncio.create_task(refused(scraper, hanging.url, NativeReason.TIMEOUT, timeout_seconds=30)) for _ in range(120)]
        await asyncio.to_thread(everyone_asked.wait, PATIENCE_SECONDS)
        assert await scraped(scraper, server) == RUNNING
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def loaded(scraper: Scraper, body: str, status: int = 200, timeout_seconds: float = 5) -> tuple[LoadedModel, ...]:
    with serving(then_close(whole(status, body.encode()))) as server:
        found = await scraper.loaded_models(Endpoint("engine", "ollama", server.url + "/"), timeout_seconds=timeout_seconds)
    assert server.requests[0].startswith(b"GET /api/ps HTTP/1.1\r\n")
    return found


async def test_loaded_models(scraper: Scraper) -> None:
    assert await loaded(scraper, PS) == (LoadedModel("tiny:latest", 900.0, 300.0, 4096.0, 1795244400.5),)


async def test_loaded_models_of_a_simulated_ollama(scraper: Scraper) -> None:
    async with simulated("ollama") as simulator:
        found = await scraper.loaded_models(Endpoint("engine", "ollama", simulator.url), timeout_seconds=5)
    assert len(found) == 1
    assert None not in (found[0].size_bytes, found[0].vram_bytes, found[0].context_tokens, found[0].expires_at)


@pytest.mark.parametrize("body", ['{"models":[]}', '{"models":null}'])
async def test_no_model_is_loaded(scraper: Scraper, body: str) -> None:
    assert await loaded(scraper, body) == ()


async def test_models_and_names_without_end(scraper: Scraper) -> None:
    names = ["n" * LONGEST_NAME, "n" * (LONGEST_NAME + 1), "n" * 7_000_000, *map(str, range(50_000))]
    found = await loaded(scraper, orjson.dumps({"models": [{"name": name} for name in names]}).decode())
    assert [model.name for model in found] == ["n" * 256, *map(str, range(MODELS_LIMIT - 1))]
    assert len(found) == 100


async def test_fields_that_are_missing_or_odd(scraper: Scraper) -> None:
    body = (
        '{"models":[7,null,{"size":1},{"name":""},{"name":5},{"name":"bare"},'
        '{"name":"odd","size":-1,"size_vram":"300","context_length":true,"expires_at":"soon"},'
        '{"name":"null","size":null,"size_vram":[],"context_length":{},"expires_at":17}]}'
    )
    assert await loaded(scraper, body) == tuple(LoadedModel(name, None, None, None, None) for name in ("bare", "odd", "null"))


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2026-11-21T08:00:00.123456789+01:00", 1795244400.123456),
        ("2026-11-21T07:00:00Z", 1795244400.0),
        ("2318-03-08T20:46:00.12-05:00", 10987580760.12),
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-21T07:00:00", None),
    ],
)
async def test_when_a_model_goes(scraper: Scraper, stamp: str, seconds: float | None) -> None:
    (model,) = await loaded(scraper, f'{{"models":[{{"name":"tiny","expires_at":"{stamp}"}}]}}')
    assert model.expires_at == seconds


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"models":{}}', '{"models":"tiny"}', '{"models":[', "[" * 5000])
async def test_what_is_no_list_of_models(scraper: Scraper, body: str) -> None:
    with pytest.raises(ScrapeError) as raised:
        await loaded(scraper, body)
    assert raised.value.reason is NativeReason.UNREADABLE


async def test_an_ollama_that_says_no(scraper: Scraper) -> None:
    with pytest.raises(ScrapeError) as raised:
        await loaded(scraper, "{}", 500)
    assert raised.value.reason is NativeReason.STATUS


async def test_an_ollama_whose_scheduler_is_stuck(scraper: Scraper) -> None:
    with serving(then_hold()) as server, pytest.raises(ScrapeError) as raised:
        await scraper.loaded_models(Endpoint("engine", "ollama", server.url), timeout_seconds=0.1)
    assert raised.value.reason is NativeReason.TIMEOUT
