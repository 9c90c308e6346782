from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from config.quantities import Address
from exporter.web.security.roles import Role, needs_operate
from exporter.web.server import listening


class _Handlers:
    @needs_operate
    async def method(self, request: web.Request) -> web.Response:
        return web.Response(text=f"did {request.path}")


@needs_operate
async def function(request: web.Request) -> web.Response:
    return web.Response(text=f"did {request.path}")


@web.middleware
async def as_told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The role that the test wants; none where it says none."""
    if told := request.headers.get("Told"):
        request["role"] = Role(told)
    return await handler(request)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application(middlewares=[as_told])
    app.router.add_post("/function", function)
    app.router.add_get("/function", function)
    app.router.add_post("/method", _Handlers().method)
    async with listening(app, Address("127.0.0.1", 0)) as address, aiohttp.ClientSession(f"http://{address}") as session:
        yield session


@pytest.mark.parametrize("path", ["/function", "/method"])
@pytest.mark.parametrize(("told", "expected"), [("operate", 200), ("read", 403), ("", 403)])
async def test_who_may_not_operate_is_refused_and_told_what_it_takes(session: aiohttp.ClientSession, path: str, told: str, expected: int) -> None:
    async with session.post(path, headers={"Told": told}) as answer:
        text = await answer.text()
    assert answer.status == expected
    assert text == f"did {path}" if expected == 200 else "This takes the role operate" in text and f"gives you {told or 'none'}." in text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://before-the-proxy.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "SAME-ORIGIN"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "http://chatprobe.example"}, 200),
        ({"Origin": "https://chatprobe.example:443", "Host": "chatprobe.example"}, 200),
        ({"Origin": "http://chatprobe.example:81"}, 403),
        ({"Origin": "http://chatprobe.example.evil.example"}, 403),
    ],
)
async def test_a_page_of_another_site_does_not_act_for_who_looks_at_it(
    session: aiohttp.ClientSession, headers: dict[str, str], expected: int
) -> None:
    """By GET too: `/probe` is asked for so."""
    for method in ("POST", "GET"):
        async with session.request(method, "/function", headers={"Host": "chatprobe.example", "Told": "operate", **headers}) as answer:
            assert answer.status == expected
