"""The exporter's endpoints behind a port with rules of its own, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import trustme
from aiohttp import web

from config.quantities import Address
from config.reader import parse
from exporter.reloading import Reloaded
from exporter.web.app import Sources, application
from exporter.web.security.port import Port
from exporter.web.security.streams import event_stream
from exporter.web.server import listening
from tests.exporter.pages.stage import Stage
from tests.exporter.scrape import CONFIG

PASSWORD = "canary-password"
HASH = "$2b$04$nSHp1XKVxN20UvurSRDb3.lX6vcezoeuNix4DA3TKD0uBiAujMfUO"
TOKEN, OTHER_TOKEN = "canary-token-0123456789abcdef", "canary-other-0123456789abcdef"


@dataclass
class Clock:
    now: float = 1000.0


@dataclass
class Opened:
    """An open port. `reloads` counts what only those may do who may operate."""

    address: Address
    port: Port
    stage: Stage
    clock: Clock
    tls: ssl.SSLContext | None = None
    reloads: int = 0

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.address.port}"

    async def ask(
        self, path: str = "/metrics", method: str = "GET", *, tls: ssl.SSLContext | None = None, headers: dict[str, str] | None = None, **more: object
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        """One request on a connection of its own."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls or self.tls or True)) as session,
            session.request(method, self.url + path, headers=headers, **more) as answer,  # type: ignore[arg-type]
        ):
            return answer.status, (await answer.read()).decode(), answer

    async def raw(self, sent: bytes) -> bytes:
        """Whatever comes back for these bytes, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.address.port)
        writer.write(sent)
        await writer.drain()
        found = await reader.read()
        writer.close()
        return found


@asynccontextmanager
async def opened(
    web_settings: str = "",
    folder: Path = Path(),
    *,
    listen: str = "127.0.0.1:0",
    tls: ssl.SSLContext | None = None,
    more: Callable[[web.Application], None] = lambda _: None,
    below: str = "",
) -> AsyncIterator[Opened]:
    """`web_settings` is the section `web` but for its address; `more` adds routes, `below` other sections."""
    text = CONFIG + f"web: {{listen: '{listen}', {web_settings}}}\n{below}"
    config = parse(text, str(folder / "chatprobe.yaml")).config
    one: Opened

    async def reload() -> Reloaded:
        one.reloads += 1
        return Reloaded(True, ("reloaded",))

    def reloading() -> Callable[[], Awaitable[Reloaded]]:
        return reload

    clock = Clock()
    port = Port(lambda: clock.now)
    stage = Stage(config)
    port.put_in_force(port.read(config))
    app = application(Sources(stage.metrics.exposition, lambda: None, stage.scene.config, reloading, port, (stage.pages,)))
    app.router.add_get("/held", _held)
    more(app)
    async with listening(app, config.web.listen) as address:
        one = Opened(address, port, stage, clock, tls)
        yield one


async def _held(request: web.Request) -> web.StreamResponse:
    """A stream of events that says one thing, and then nothing for good."""
    with event_stream(request):
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: open\n\n")
        await asyncio.Event().wait()
    return answer


def basic(user: str = "alice", password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def certificates(folder: Path, authority: trustme.CA) -> None:
    """A server's certificate for 127.0.0.1, and the authority's."""
    one = authority.issue_cert("127.0.0.1")
    one.cert_chain_pems[0].write_to_path(folder / "server.pem")
    one.private_key_pem.write_to_path(folder / "server.key")
    authority.cert_pem.write_to_path(folder / "ca.pem")


def client(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A client that trusts the authority; with names, it shows a certificate with them."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if names:
        authority.issue_cert(*names).configure_cert(context)
    return context
