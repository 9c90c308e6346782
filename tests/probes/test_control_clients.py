"""The HTTP clients that control calls and scrapes share."""

from __future__ import annotations

import asyncio
import queue
import ssl
from dataclasses import replace

import pytest

from probes import control_clients
from probes.ask import Endpoint, Tls
from probes.control_clients import Clients
from probes.guard import Guard
from probes.wire.tls import context
from tests.answers import whole
from tests.servers import Peer, serving, then_close
from tests.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize(("host", "domain"), [("127.0.0.1", ""), ("127.0.0.1", "; Domain=127.0.0.1"), ("localhost", "")])
async def test_no_cookie_is_kept_and_one_that_is_configured_is_sent(host: str, domain: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(whole(200, b"", "text/plain", f"Set-Cookie: route=pod-1; Path=/{domain}"))

    with serving(script) as server:
        url = server.url.replace("127.0.0.1", host)
        plain = Endpoint("engine", "vllm", url)
        async with Clients() as clients:
            for endpoint in (plain, plain, replace(plain, headers={"Cookie": "own=1"})):
                async with clients.get(endpoint, f"{url}/metrics") as response:
                    assert response.headers["Set-Cookie"].startswith("route=pod-1")
    assert [[line for line in asked.lower().split(b"\r\n") if line.startswith(b"cookie")] for asked in server.requests] == [
        [],
        [],
        [b"cookie: own=1"],
    ]


async def test_a_guard_looks_at_addresses_before_it_connects() -> None:
    with serving(then_close(whole(200, b"{}"))) as server:
        guarded = Endpoint("engine", "vllm", server.url.replace("127.0.0.1", "localhost"), guard=Guard())
        async with Clients() as clients:
            with pytest.raises(OSError, match="is a loopback address, to which no discovered target may lead"):
                async with clients.get(guarded, f"{guarded.url}/metrics"):
                    pass
            allowed = replace(guarded, guard=Guard(loopback=True))
            async with clients.get(allowed, f"{allowed.url}/metrics") as response:
                assert response.status_code == 200
    assert len(server.requests) == 1


async def test_a_guarded_answer_is_checked_against_the_name_and_not_the_address(secure: ssl.SSLContext, ca_file: str) -> None:
    with serving(then_close(whole(200, b"{}")), tls=secure) as server:
        guarded = Endpoint("engine", "vllm", server.url.replace("127.0.0.1", "localhost"), tls=Tls(ca_file=ca_file), guard=Guard(loopback=True))
        async with Clients() as clients, clients.get(guarded, f"{guarded.url}/metrics") as response:
            assert response.status_code == 200
    assert f"localhost:{server.port}".encode() in server.requests[0]


async def test_redirects_are_not_followed_with_a_guard_either() -> None:
    with serving(then_close(whole(302, b"", "text/plain", "Location: http://169.254.169.254/latest/meta-data/"))) as server:
        guarded = Endpoint("engine", "vllm", server.url, guard=Guard(loopback=True))
        async with Clients() as clients, clients.get(guarded, f"{server.url}/metrics") as response:
            assert response.status_code == 302
    assert len(server.requests) == 1


async def test_of_the_clients_for_many_names_the_idle_ones_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes Services has a name for a certificate with each of them."""
    monkeypatch.setattr(control_clients, "MOST_CLIENTS", 2)
    gone: queue.Queue[bytes] = queue.Queue()

    def script(peer: Peer) -> None:
        path = peer.request().split(b" ")[1]
        peer.send(whole(200, b"{}"))
        peer.await_client_gone()
        gone.put(path)

    with serving(script) as server:
        one, two, three = (Endpoint("engine", "vllm", server.url, tls=Tls(server_name=name)) for name in ("one", "two", "three"))
        async with Clients() as clients, clients.get(one, f"{server.url}/one") as in_use:
            for other, path in ((two, "two"), (three, "three")):
                async with clients.get(other, f"{server.url}/{path}") as response:
                    await response.aread()
            assert await asyncio.to_thread(gone.get, timeout=PATIENCE_SECONDS) == b"/two"
            assert await in_use.aread() == b"{}"


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Tls]:
    """The settings that authorities were read for."""
    found: list[Tls] = []

    def load(tls: Tls) -> ssl.SSLContext:
        found.append(tls)
        return context(tls)

    monkeypatch.setattr(control_clients, "context", load)
    return found


async def test_authorities_are_loaded_once_for_all_names(loaded: list[Tls], secure: ssl.SSLContext, ca_file: str) -> None:
    with serving(then_close(whole(200, b"{}")), tls=secure) as server:
        async with Clients() as clients:
            for name in ("127.0.0.1", "localhost"):
                endpoint = Endpoint("engine", "vllm", server.url, tls=Tls(ca_file=ca_file, server_name=name))
                async with clients.get(endpoint, server.url) as response:
                    assert response.status_code == 200
    assert loaded == [Tls(ca_file=ca_file)]


async def test_authorities_are_not_loaded_where_no_tls_is_spoken(loaded: list[Tls]) -> None:
    with serving(then_close(whole(200, b"{}"))) as server:
        async with Clients() as clients, clients.get(Endpoint("engine", "vllm", server.url), server.url) as response:
            assert response.status_code == 200
    assert loaded == []
