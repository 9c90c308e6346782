"""Connections that keep the server waiting, and too many of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from exporter.web.security import connections, patience, port
from tests.exporter.security.ports import Opened, certificates, client, opened
from tests.waiting import PATIENCE_SECONDS, eventually

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(patience, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(port, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.5)


@contextlib.asynccontextmanager
async def connected(one: Opened, sent: bytes = b"") -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", one.address.port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the server closed the connection."""
    found = b""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                found += piece
    return found


async def whole(reader: asyncio.StreamReader) -> bytes:
    """One answer; gives its head."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    return head


HEAD = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("drip", [b"", b"X", b"X-a: b\r\n"])
async def test_a_head_that_does_not_come_to_its_end(drip: bytes) -> None:
    """Slowloris: a byte, or a line, now and then, so that no gap is long."""
    async with opened() as one, connected(one, HEAD if drip else b"") as (reader, writer):

        async def dripping() -> None:
            while drip:
                await asyncio.sleep(0.05)
                writer.write(drip)

        task = asyncio.create_task(dripping())
        assert await ended(reader) == b""
        task.cancel()


async def test_the_second_head_on_a_connection_has_no_more_time_and_being_idle_before_it_takes_none() -> None:
    async with opened() as one, connected(one, HEAD + b"\r\n") as (reader, writer):
        await whole(reader)
        await asyncio.sleep(2 * patience.HEAD_SECONDS)
        writer.write(HEAD + b"\r\n")
        assert b"200 OK" in await whole(reader)
        writer.write(HEAD)
        assert await ended(reader) == b""


async def test_a_body_that_does_not_come_to_its_end() -> None:
    async with opened() as one:
        for head in (b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"):
            async with connected(one, b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n" + head) as (reader, _):
                assert b" 408 " in await ended(reader)
        assert one.reloads == 0


async def test_an_answer_that_is_not_taken() -> None:
    """Memory for it is not held for good."""

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 30_000_000)

    async with opened(more=lambda app: _add(app, "/large", large)) as one:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", one.address.port))
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
        await asyncio.sleep(4 * patience.WRITE_SECONDS)
        assert len(await ended(reader)) < 30_000_000
        writer.transport.abort()


async def test_an_answer_that_is_taken_slowly_is_sent_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WRITE_SECONDS", 1.5)
    size = 8_000_000

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * size)

    async with opened(more=lambda app: _add(app, "/large", large)) as one, connected(one) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        begin, found = time.monotonic(), 0
        while piece := await reader.read(200_000):
            found += len(piece)
            await asyncio.sleep(0.05)
        assert found > size
        assert time.monotonic() - begin > patience.WRITE_SECONDS


def _add(app: web.Application, path: str, handler: object) -> None:
    app.router.add_get(path, handler)  # type: ignore[arg-type]


async def test_a_handshake_that_does_not_come_to_its_end(tmp_path: Path, authority: trustme.CA) -> None:
    certificates(tmp_path, authority)
    (tmp_path / "web.yaml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}")
    async with opened("config_file: web.yaml, limits: {connections_per_address: 4}", tmp_path, tls=client(authority)) as one:
        async with contextlib.AsyncExitStack() as stack:
            held = [await stack.enter_async_context(connected(one, b"\x16\x03\x01" if number % 2 else b"")) for number in range(4)]
            async with connected(one) as (reader, _):
                assert await ended(reader) == b"", "those without TLS yet count too"
            for reader, _ in held:
                assert await ended(reader) == b""
        assert (await one.ask())[0] == 200


async def test_so_many_connections_from_one_address() -> None:
    async with opened("limits: {connections_per_address: 5}") as one, contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connected(one, HEAD + b"\r\n")) for _ in range(5)]
        for reader, _ in held:
            await reader.readuntil(b"\r\n\r\n")
        async with connected(one, HEAD + b"\r\n") as (reader, _):
            assert await ended(reader) == b""
        held[0][1].transport.abort()
        async with asyncio.timeout(PATIENCE_SECONDS):
            got = b""
            while got != b"HTTP/1.1 200 OK":
                with contextlib.suppress(ConnectionError):
                    async with connected(one, HEAD + b"\r\n") as (reader, _):
                        got = await reader.read(15)


async def test_who_holds_all_connections_and_asks_nothing_makes_room() -> None:
    async with opened("limits: {connections: 8, connections_per_address: 100}") as one, contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connected(one, HEAD + b"\r\n")) for _ in range(8)]
        for reader, _ in held:
            await whole(reader)
        assert (await one.ask())[0] == 200
        await ended(held[0][0])  # nothing was asked on it for the longest time
        held[7][1].write(HEAD + b"\r\n")
        assert b"200 OK" in await whole(held[7][0])


async def test_streams_of_events_by_the_thousand() -> None:
    """They are opened until no more are let in; what is asked besides is answered."""
    async with opened("limits: {event_streams: 40, connections: 2000, connections_per_address: 2000, requests_per_second: 10000}") as one:
        async with contextlib.AsyncExitStack() as stack:
            held = [await stack.enter_async_context(connected(one, b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")) for _ in range(1000)]
            heads = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in held))
            assert sum(b"200 OK" in head for head in heads) == 10, "a quarter of all for one address"
            assert sum(b"503 Service Unavailable" in head and b"Retry-After: 30" in head for head in heads) == 990
            assert one.port.streams.held == 10
            assert (await one.ask())[0] == 200
        await eventually(lambda: one.port.streams.held == 0)


async def test_streams_end_when_the_rules_change_and_a_client_that_left_is_forgotten() -> None:
    async with opened() as one:
        async with connected(one, b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n") as (reader, _):
            await reader.readuntil(b"data: open\n\n")
            assert one.port.streams.held == 1
            one.port.put_in_force(one.port.rules)
            await ended(reader)
        await eventually(lambda: one.port.streams.held == 0)


async def test_a_server_without_descriptors_goes_on_when_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as one:
        loop = asyncio.get_running_loop()
        real, fails = loop.sock_accept, [OSError(24, "Too many open files")] * 2

        async def accept(listener: socket.socket) -> object:
            if fails:
                raise fails.pop()
            return await real(listener)

        monkeypatch.setattr(connections, "_AFTER_TROUBLE_SECONDS", 0.01)
        monkeypatch.setattr(loop, "sock_accept", accept)
        for _ in range(3):
            assert (await one.ask())[0] == 200
        assert fails == []


async def test_what_is_no_tls_and_who_shows_no_good_certificate_ends_nothing(tmp_path: Path, authority: trustme.CA) -> None:
    certificates(tmp_path, authority)
    (tmp_path / "web.yaml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}")
    async with opened("config_file: web.yaml", tmp_path, tls=client(authority)) as one:
        for junk in (HEAD + b"\r\n", b"\x00" * 1000, b"\x16\x03\x01\x00\x01\x01", b"GET"):
            async with connected(one, junk) as (reader, _):
                await ended(reader)
        with pytest.raises(OSError):
            await one.ask(tls=ssl.create_default_context())
        assert (await one.ask())[0] == 200
