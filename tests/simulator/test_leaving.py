"""Clients that leave before their answer is there."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from simulator import Options, simulated
from simulator.reply import Reply
from simulator.simulator import Simulator


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_that_leaves_is_no_error(method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    ordinary = Simulator._page

    def left(self: Simulator, request: web.BaseRequest, body: bytes) -> Reply:
        assert request.transport is not None
        request.transport.abort()
        return ordinary(self, request, body)

    async with simulated("vllm", Options()) as engine, aiohttp.ClientSession() as session:
        with monkeypatch.context() as leaving:
            leaving.setattr(Simulator, "_page", left)
            with pytest.raises(aiohttp.ClientError):
                await session.request(method, f"{engine.url}/version")
        async with session.get(f"{engine.url}/version") as answer:
            assert answer.status == 200
    assert [record.getMessage() for record in caplog.records] == []
