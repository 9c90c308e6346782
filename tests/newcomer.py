"""An engine that nothing but the tests knows, and a server that speaks as it does: whatever it can be asked, its class alone says how."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import orjson
from aiohttp import web

from config.quantities import Address
from exporter.web.server import listening
from probes.ask import Ask
from probes.backends.backend import Backend
from probes.backends.base import Event, FrameError, Framing, Refusal, WireForm
from probes.backends.fields import as_list, count, length, parse_object, text
from probes.backends.listing import listed_name
from probes.failure import Reason
from probes.numbers.loaded import LoadedModel, OnDemand
from probes.numbers.number import Number
from probes.numbers.own_metrics import Distribution, OwnMetrics, Sum, Told


class ParrotTalk:
    """A JSON object a line: `{"word": …}`, and at the end `{"over": …, "words": …}`."""

    path = "/talk"
    framing: Framing = "ndjson"
    content_type = "application/x-parrot"
    marker = re.compile(rb'"over"')
    varying: tuple[str, ...] = ("word",)

    def body(self, ask: Ask) -> dict[str, object]:
        return {"bird": ask.model, "hears": ask.messages[-1].content, "at_most": ask.max_tokens}

    def read(self, frame: bytes) -> Event:
        line = parse_object(frame)
        if "over" in line:
            return Event(finish_reason=text(line, "over"), output_tokens=count(line, "words"), done=True)
        return Event(text=text(line, "word"), is_token=True)

    def refuse(self, status: int, body: bytes) -> Refusal:
        return Refusal(Reason.OVERLOADED if status == 418 else Reason.REJECTED, body.decode())


class Parrot(Backend):
    """Unlike the others wherever an engine can be."""

    name = "parrot"
    title = "Parrot"
    forms: ClassVar[Mapping[str, WireForm]] = {"chat": ParrotTalk()}
    exact_length = True
    usual_ports = (4711,)
    aliases: ClassVar[tuple[str, ...]] = ("macaw",)
    recognised_at = "/cage"
    health_path = "/cage/air"
    version_path = "/cage"
    models_path = "/birds"
    longest_chat_path = "/cage/size"
    metrics: ClassVar[OwnMetrics | None] = OwnMetrics(
        prefixes=("parrot_",),
        path="/feathers",
        numbers=(
            Told(Number.REQUESTS_RUNNING, Sum("parrot_talks"), "talks."),
            Told(Number.REQUESTS_WAITING, Sum("parrot_listeners"), "listeners."),
            Told(Number.GENERATION_TOKENS, Sum("parrot_words_total"), "words."),
            Told(Number.TTFT, Distribution("parrot_first_word_seconds"), "the first word."),
        ),
    )

    def version(self, body: bytes) -> str:
        bars = parse_object(body).get("bars")
        if not isinstance(bars, int):
            raise FrameError("has no bars")
        return f"{bars} bars"

    def models(self, body: bytes) -> tuple[str, ...]:
        return tuple(listed_name(bird, ("call",)) for bird in as_list(parse_object(body).get("birds"), "birds"))

    def longest_chat(self, body: bytes, model: str) -> int | None:
        return length(parse_object(body), model)

    def model_key(self, model: str) -> str:
        return model.lower()


class Dormouse(Parrot):
    """One that has no metrics, and sleeps until it is chatted with."""

    name = "dormouse"
    title = "Dormouse"
    aliases = ()
    metrics = None
    on_demand = OnDemand(
        path="/awake",
        read=lambda body: tuple(LoadedModel(name, size_bytes=7.0) for name in orjson.loads(body)),
        keep_alive_seconds=60,
        helps={Number.MODEL_MEMORY: "every one that is awake."},
    )


METRICS = """\
# HELP parrot_talks Talks under way.
# TYPE parrot_talks gauge
parrot_talks{cage="a"} 2
parrot_talks{cage="b"} 1
# TYPE parrot_listeners gauge
parrot_listeners 4
# TYPE parrot_words_total counter
parrot_words_total 70
# TYPE parrot_first_word_seconds histogram
parrot_first_word_seconds_bucket{le="0.5"} 2
parrot_first_word_seconds_bucket{le="+Inf"} 3
parrot_first_word_seconds_sum 1.25
parrot_first_word_seconds_count 3
# TYPE process_start_time_seconds gauge
process_start_time_seconds 7
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running 9
"""


@dataclass
class Cage:
    """A server of both engines."""

    url: str = ""
    heard: list[dict[str, object]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    answers: dict[str, str] = field(
        default_factory=lambda: {
            "/cage": '{"bars": 12}',
            "/cage/air": "",
            "/cage/size": '{"Polly": 640}',
            "/birds": '{"birds": [{"call": "Polly"}, {"call": "Coco"}]}',
            "/awake": '["Coco"]',
            "/feathers": METRICS,
        }
    )

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.add(request.path)
        if request.path not in self.answers:
            return web.Response(status=404)
        return web.Response(text=self.answers[request.path])

    async def talk(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": ParrotTalk.content_type})
        await response.prepare(request)
        for word in ("pretty", "polly", "polly"):
            await response.write(json.dumps({"word": word}).encode() + b"\n")
            await asyncio.sleep(0.01)
        await response.write(b'{"over": "enough", "words": 3}\n')
        return response


@asynccontextmanager
async def cage() -> AsyncIterator[Cage]:
    one = Cage()
    app = web.Application()
    app.router.add_post(ParrotTalk.path, one.talk)
    app.router.add_get("/{path:.*}", one.answer)
    async with listening(app, Address("127.0.0.1", 0)) as address:
        one.url = f"http://{address}"
        yield one
