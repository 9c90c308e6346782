"""What somebody tries who means harm, at a port that is open: each is tried here over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from structlog.testing import capture_logs

from config.tokens import kept_digest
from exporter.web.security.hosts import Hosts
from exporter.web.security.rates import MOST_ADDRESSES, Rates, holder_of
from exporter.web.security.roles import Role
from exporter.web.security.tokens import Tokens
from exporter.web.security.users import basic as read_basic
from tests.exporter.security.ports import OTHER_TOKEN, TOKEN, Opened, bearer, opened

SHUT = "tokens: {scrape: {file: token}, ops: {file: ops, role: operate}}, lifecycle: true"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("attacks")
    (found / "token").write_text(TOKEN)
    (found / "ops").write_text(OTHER_TOKEN)
    return found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shut(folder: Path) -> AsyncIterator[Opened]:
    """A port that takes a token for everything."""
    async with opened(f"{SHUT}, limits: {{requests_per_second: 10000}}", folder, listen="0.0.0.0:0") as one:
        yield one


pytestmark = pytest.mark.asyncio(loop_scope="module")


def request(line: str, *fields: str, host: str = "127.0.0.1") -> bytes:
    return "\r\n".join((line, f"Host: {host}", "Connection: close", *fields, "", "")).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


WAYS_AROUND = [
    "/-/reload",
    "//-/reload",
    "/-//reload",
    "/./-/reload",
    "/-/healthy/../reload",
    "/-/healthy/%2e%2e/reload",
    "/-/healthy%2f..%2freload",
    "/%2d/reload",
    "/-/reload/",
    "/-/reload;/-/healthy",
    "/-/reload?/-/healthy",
    "/-/reload#/-/healthy",
    "/-/healthy\\..\\reload",
    "/-/RELOAD",
    "http://127.0.0.1/-/reload",
    "*",
]


METHODS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "PATCH", "DELETE", "post", "CONNECT", "PROPFIND")


@pytest.mark.parametrize("path", WAYS_AROUND)
async def test_no_way_of_writing_a_path_and_no_method_goes_past_the_gate(shut: Opened, path: str) -> None:
    """Nobody learns which paths there are, either: 404 comes behind the gate."""
    answers = await asyncio.gather(*(shut.raw(request(f"{method} {path} HTTP/1.1")) for method in METHODS))
    assert {status(answer) for answer in answers} <= {400, 401}
    assert shut.reloads == 0


@pytest.mark.parametrize(
    "field",
    [
        "X-HTTP-Method-Override: POST",
        "X-HTTP-Method: POST",
        "X-Original-URL: /-/reload",
        "X-Rewrite-URL: /-/reload",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-User: admin",
        "X-Remote-User: admin",
        "X-Forwarded-Client-Cert: By=x;Subject=CN=ops",
        f"X-Authorization: Bearer {OTHER_TOKEN}",
        f"Proxy-Authorization: Bearer {OTHER_TOKEN}",
        f"Cookie: Authorization=Bearer {OTHER_TOKEN}",
        "Authorization: Bearer",
        "Authorization: Bearer null",
        f"Authorization: Token {OTHER_TOKEN}",
        f"Authorization: {OTHER_TOKEN}",
    ],
)
async def test_no_header_stands_in_for_a_login(shut: Opened, field: str) -> None:
    for line in ("GET /-/healthy HTTP/1.1", "GET /metrics HTTP/1.1", "POST /-/reload HTTP/1.1"):
        answer = await shut.raw(request(line, field))
        assert status(answer) == (200 if "healthy" in line else 401)
    answer = await shut.raw(request("GET /-/reload HTTP/1.1", field, f"Authorization: Bearer {TOKEN}"))
    assert status(answer) in (400, 405)
    assert shut.reloads == 0


async def test_the_name_of_a_header_does_not_mind_case_and_two_of_it_are_refused(shut: Opened) -> None:
    assert status(await shut.raw(request("GET /metrics HTTP/1.1", f"aUTHORIZATION: bEARER {TOKEN}"))) == 200
    for first, second in ((TOKEN, "wrong"), ("wrong", TOKEN), (TOKEN, TOKEN)):
        answer = await shut.raw(request("GET /metrics HTTP/1.1", f"Authorization: Bearer {first}", f"authorization: Bearer {second}"))
        assert status(answer) == 400


async def test_a_token_in_the_query_is_none(shut: Opened) -> None:
    """It would stand in logs and in the browser's history."""
    for name in ("token", "access_token", "authorization"):
        assert (await shut.ask(f"/metrics?{name}={TOKEN}"))[0] == 401


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cetc%5cpasswd",
        "/static/../../../etc/passwd",
        "/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static/..%252f..%252fetc%252fpasswd",
        "/static//etc/passwd",
        "/config/../token",
        "/%00/etc/passwd",
        "/metrics%00.html",
        "file:///etc/passwd",
        "/api/v1/targets/../../../../etc/passwd",
        "/targets/..%2f..%2f..%2fetc%2fpasswd",
    ],
)
async def test_no_path_leads_out_to_the_disk(shut: Opened, path: str) -> None:
    answer = await shut.raw(request(f"GET {path} HTTP/1.1", f"Authorization: Bearer {OTHER_TOKEN}"))
    assert status(answer) in (400, 403, 404)
    assert b"root:" not in answer
    assert TOKEN.encode() not in answer


@pytest.mark.parametrize(
    "injected", ["%0d%0aSet-Cookie:%20x=1", "%0aSet-Cookie:%20x=1", "%0d%0a%0d%0a<script>", "%E5%98%8A%E5%98%8DSet-Cookie:x", "\rSet-Cookie: x"]
)
async def test_nothing_that_is_asked_for_becomes_a_header_of_the_answer(shut: Opened, injected: str) -> None:
    for path in (f"/{injected}", f"/metrics?name[]={injected}", f"/?{injected}", f"/targets/{injected}"):
        answer = await shut.raw(request(f"GET {path} HTTP/1.1", f"Authorization: Bearer {OTHER_TOKEN}"))
        head, _, _ = answer.partition(b"\r\n\r\n")
        assert b"set-cookie" not in re.sub(rb"(?i)location: [^\r\n]*", b"", head).lower()
        assert head.count(b"HTTP/1.") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a@127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n X: folded\r\n\r\n",
        b"GET /metrics HTTP/1.1\nHost: 127.0.0.1\n\nGET /-/reload",
        b"GET /metrics HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET  /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 64 + b"\r\n\r\n",
    ],
)
async def test_requests_that_two_servers_could_read_in_two_ways_are_refused(shut: Opened, sent: bytes) -> None:
    answer = await asyncio.wait_for(shut.raw(sent), 30)
    assert answer == b"" or status(answer) in (400, 401, 421)
    assert answer.count(b"HTTP/1.1 200") == 0
    assert shut.reloads == 0


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400, 414)),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 10_000 + b"\r\n\r\n", (400, 431)),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", (400, 431)),
        (b"GET /" + b"a" * 5_000_000, (400, 414)),
    ],
)
async def test_a_head_that_is_too_large(shut: Opened, sent: bytes, expected: tuple[int, ...]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shut.address.port)
    writer.write(sent)
    answer = b""
    with contextlib.suppress(ConnectionError):  # it hangs up while we are sending
        answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer == b"" or status(answer) in expected


async def test_what_is_no_request_is_told_nothing_and_fills_no_log(shut: Opened, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logs:
        long = b"GET /?" + b"canary-junk" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for junk in (b"canary-junk\r\n\r\n", b"GET /canary-junk HTTP/x\r\n\r\n", long):
            answer = await shut.raw(junk)
            assert status(answer) == 400
            assert b"What you sent cannot be read as a request." in answer
            assert b"canary-junk" not in answer
            assert b"Python" not in answer
            assert b"X-Content-Type-Options: nosniff" in answer
    assert {line["log_level"] for line in logs} == {"debug"}
    assert caplog.records == []


async def test_a_handler_that_breaks_shows_nobody_on_what() -> None:
    async def breaks(_: web.Request) -> web.Response:
        raise RuntimeError("canary-inside")

    def add(app: web.Application) -> None:
        app.router.add_get("/breaks", breaks)

    with capture_logs() as logs:
        async with opened(more=add) as one:
            loop = asyncio.get_running_loop()
            loop.set_debug(True)
            try:
                got, text, answer = await one.ask("/breaks", headers={"Accept": "text/html"})
            finally:
                loop.set_debug(False)
    assert (got, text) == (500, "chatprobe broke on this; its log says on what.\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["answering a request broke"]


async def test_a_body_that_is_too_large_is_not_read_whether_its_length_is_told_or_not(shut: Opened) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    async def chunked() -> AsyncIterator[bytes]:
        for piece in endless():
            yield piece

    for data in (b"x" * 4_000_000, chunked()):
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            got, _, _ = await shut.ask("/-/reload", "POST", headers=bearer(OTHER_TOKEN), data=data)
            assert got == 413
    compressed = {"Content-Encoding": "gzip", **bearer(OTHER_TOKEN)}
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 60_000
    got, _, _ = await shut.ask("/-/reload", "POST", headers=compressed, data=bomb)
    assert got == 413
    assert shut.reloads == 0


async def test_a_page_of_another_site_gets_nowhere(shut: Opened) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        got, _, answer = await shut.ask("/-/reload", "POST", headers=bearer(OTHER_TOKEN) | headers)
        assert got == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    for fetched in ({"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}, {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, {}):
        assert (await shut.ask("/", headers=bearer() | {"Sec-Fetch-Site": "cross-site"} | fetched))[0] == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert (await shut.ask("/", headers=bearer() | link))[0] == 200, "a link from Grafana"
    assert (await shut.ask("/-/reload", "POST", headers=bearer(OTHER_TOKEN) | link))[0] == 403
    got, _, answer = await shut.ask("/-/reload", "OPTIONS", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert got == 403
    assert not any(name.startswith("Access-Control") for name in answer.headers)
    assert shut.reloads == 0


async def test_every_answer_has_the_headers_that_keep_a_browser_from_doing_more_than_showing_it(shut: Opened) -> None:
    for path, method in (("/", "GET"), ("/metrics", "GET"), ("/config", "GET"), ("/nowhere", "GET"), ("/-/healthy", "GET"), ("/metrics", "POST")):
        for headers in ({}, bearer()):
            _, _, answer = await shut.ask(path, method, headers=headers)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "deny"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Opener-Policy"] == answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["Server"] == "chatprobe"
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("host", "loopback", "elsewhere", "named"),
    [
        ("127.0.0.1:9840", True, True, True),
        ("[::1]:9840", True, True, True),
        ("localhost", True, True, True),
        ("LOCALHOST.:9840", True, True, True),
        ("anything.localhost", True, True, True),
        ("10.1.2.3:9840", True, True, True),
        ("chatprobe.monitoring.svc:9840", False, True, True),
        ("chatprobe.example.com", False, True, True),
        ("evil.example", False, True, False),
        ("chatprobe.example.com.evil.example", False, True, False),
        ("127.0.0.1.evil.example", False, True, False),
        ("localhost.evil.example", False, True, False),
        ("svc", False, True, False),
        ("", False, False, False),
        ("a b", False, False, False),
        ("user@localhost", False, False, False),
        ("localhost:99999999", False, False, False),
        ("localhost/", False, False, False),
        ("[::1", False, False, False),
    ],
)
async def test_by_which_names_it_is_asked(host: str, loopback: bool, elsewhere: bool, named: bool) -> None:
    assert Hosts(("127.0.0.1",)).takes(host) is loopback
    assert Hosts(None).takes(host) is elsewhere
    assert Hosts(("chatprobe.example.com", "*.svc")).takes(host) is named


async def test_a_name_that_was_turned_over_to_a_loopback_address_gets_no_answer(shut: Opened) -> None:
    async with opened() as one:
        for path in ("/", "/metrics", "/-/healthy"):
            assert status(await one.raw(request(f"GET {path} HTTP/1.1", host=f"evil.example:{one.address.port}"))) == 421
        assert status(await one.raw(request("GET /metrics HTTP/1.1", host=f"localhost:{one.address.port}"))) == 200
        assert status(await one.raw(b"GET /metrics HTTP/1.0\r\n\r\n")) == 200, "HAProxy's checks name no host"
    assert status(await shut.raw(request("GET /-/healthy HTTP/1.1", host="chatprobe.monitoring.svc:9840"))) == 200


async def test_whichever_token_is_wrong_and_however_long_it_is_right_it_takes_as_long() -> None:
    """By the median of many: a comparison that stops at the first difference tells apart what shares 60 characters and what shares none."""
    kept = "a" * 64
    tokens = Tokens(tuple((kept_digest(kept if n == 0 else f"{n:064d}"), Role.READ) for n in range(20)))

    def takes(shown: str) -> float:
        begin = time.perf_counter_ns()
        for _ in range(20):
            tokens.role(shown)
        return time.perf_counter_ns() - begin

    shown = {"right": kept, "nearly": "a" * 63 + "b", "not at all": "z" * 64}
    found: dict[str, list[float]] = {name: [] for name in shown}
    for _ in range(300):
        for name, token in shown.items():
            found[name].append(takes(token))
    medians = {name: statistics.median(times) for name, times in found.items()}
    assert max(medians.values()) < 1.25 * min(medians.values())


async def test_how_long_hostile_headers_take_to_read_grows_no_faster_than_they_do() -> None:
    """No expression, and nothing else that reads what strangers write, goes back and forth over it."""
    hostile = ["a" * 8000, "a." * 4000, "[" * 8000, "a:" * 4000, "*." * 4000, "=" * 8000, "YTph" * 2000 + "!", "1" * 8000]
    hosts = Hosts(tuple(f"*.{'a.' * n}example" for n in range(50)))
    for text in hostile:
        begin = time.thread_time()
        for _ in range(10):
            hosts.takes(text)
            holder_of(text)
            read_basic(text)
        assert time.thread_time() - begin < 0.5


async def test_an_address_that_asks_too_often_is_held_back_and_others_are_not() -> None:
    now = 0.0
    rates = Rates(10, 40, lambda: now)
    assert [rates.take("one") for _ in range(41)] == [True] * 40 + [False]
    assert rates.take("other")
    now = 1.0
    assert [rates.take("one") for _ in range(11)] == [True] * 10 + [False]
    for number in range(2 * MOST_ADDRESSES):
        rates.take(str(number))
    assert len(rates._buckets) == MOST_ADDRESSES


async def test_who_has_a_network_of_ipv6_counts_as_one() -> None:
    assert holder_of("2001:db8:1:2:3:4:5:6") == holder_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert holder_of("2001:db8:1:3::1") != holder_of("2001:db8:1:2::1")
    assert holder_of("::ffff:10.0.0.1") == holder_of("10.0.0.1") == "10.0.0.1"
    assert holder_of("fe80::1%eth0") == "fe80::/64"
    assert holder_of("unix") == "unix"


async def test_too_many_requests_from_one_address(folder: Path) -> None:
    async with opened("limits: {requests_per_second: 5}") as one, aiohttp.ClientSession(one.url) as session:
        got = []
        for _ in range(25):
            async with session.get("/config") as answer:
                got.append(answer.status)
        assert got == [200] * 20 + [429] * 5
        assert (await one.ask("/-/healthy"))[0] == 200
        one.clock.now += 1
        assert (await one.ask("/config"))[0] == 200
