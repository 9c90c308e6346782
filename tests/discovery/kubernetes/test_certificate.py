"""A look at a certificate takes a bounded time, however many addresses a name has and however slow they are."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import httpx
import pytest

from discovery.kubernetes.certificate import _LOOKS, Certificate, look_at, looked_at
from probes.ask import Tls
from probes.guard import Guard
from probes.guarded_transport import _NAMES, GuardedTransport
from probes.wire.tls import context
from tests.servers import Peer, serving
from tests.waiting import PATIENCE_SECONDS


def test_all_addresses_together_have_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def silent(peer: Peer) -> None:
        end.wait(20)

    with serving(silent) as server:
        many = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", server.port)) for number in range(1, 200)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: many)
        real = socket.create_connection
        monkeypatch.setattr(socket, "create_connection", lambda address, timeout: real(("127.0.0.1", server.port), timeout))
        began = time.monotonic()
        try:
            found = look_at("https://slow.example.com", Tls(), Guard(loopback=True), 0.5)
        finally:
            end.set()
    assert found.trusted is None
    assert time.monotonic() - began < 2


def test_few_of_many_addresses_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def refused(address: tuple[str, int], timeout: float) -> socket.socket:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    many = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 443)) for number in range(1, 200)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: many)
    monkeypatch.setattr(socket, "create_connection", refused)
    assert look_at("https://many.example.com", Tls(), Guard()) == Certificate(None, "Connection refused")
    assert tried == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_no_certificate_is_looked_at_where_the_guard_objects(host: str) -> None:
    with serving(Peer.await_client_gone) as server:
        found = look_at(f"https://{host}:{server.port}", Tls(), Guard())
    assert (found.trusted, server.connections) == (None, 0)
    assert found.detail.endswith(", to which no discovered target may lead")


async def test_names_that_hang_leave_the_threads_that_others_use_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, end = threading.Semaphore(0), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        hanging.release()
        end.wait()
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    async with httpx.AsyncClient(transport=GuardedTransport(Guard(), context(Tls()), 1), timeout=None) as client:
        looks = [asyncio.create_task(looked_at("https://slow.example.com", Tls(), Guard())) for _ in range(64)]
        asks = [asyncio.create_task(client.get("http://slow.example.com")) for _ in range(64)]
        try:
            for _ in range(_LOOKS._max_workers + _NAMES._max_workers):
                await asyncio.to_thread(hanging.acquire, timeout=PATIENCE_SECONDS)
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), PATIENCE_SECONDS) == "free"
        finally:
            end.set()
            await asyncio.gather(*looks, *asks, return_exceptions=True)
