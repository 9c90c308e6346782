"""The HTTP clients that control calls and scrapes share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.ask import Endpoint
from probes.control_clients import Clients
from tests.answers import whole
from tests.servers import Peer, serving


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
