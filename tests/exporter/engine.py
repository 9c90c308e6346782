"""A small engine on a real socket: it speaks enough of vLLM's API for the exporter to chat with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from config.quantities import Address
from exporter.web.server import listening

KEY = "canary-key"


@dataclass
class Engine:
    """Answers with three tokens; `finish` holds back the end of every answer until it is set."""

    url: str = ""
    chats: list[dict[str, object]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    order: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    finish: asyncio.Event = field(default_factory=asyncio.Event)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.chats.append(await request.json())
        self.order.append("chat")
        self.keys.add(request.headers.get("Authorization"))
        self.asked.set()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        with contextlib.suppress(ConnectionError):  # its client has left
            await self._answer(request, response)
        return response

    async def _answer(self, request: web.Request, response: web.StreamResponse) -> None:
        await response.prepare(request)
        for token in ("one", "two", "three"):
            await response.write(_frame({"choices": [{"index": 0, "delta": {"content": token}, "finish_reason": None}]}))
        await self.finish.wait()
        await response.write(_frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await response.write(_frame({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}))
        await response.write(b"data: [DONE]\n\n")

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    async def metrics(self, _: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        self.order.append("metrics")
        return web.Response(text="# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0\n")

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "0.0.1"})


def _frame(content: dict[str, object]) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "tiny", **content}).encode() + b"\n\n"


@asynccontextmanager
async def engine() -> AsyncIterator[Engine]:
    one = Engine()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", one.chat)
    app.router.add_get("/v1/models", one.models)
    app.router.add_get("/version", one.version)
    app.router.add_get("/metrics", one.metrics)
    async with listening(app, Address("127.0.0.1", 0)) as address:
        one.url = f"http://{address}"
        one.finish.set()
        try:
            yield one
        finally:
            one.finish.set()
