"""One simulated engine as a server: requests in, answers out, everything noted in the ground truth."""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
import zlib
from contextlib import nullcontext
from dataclasses import replace

from aiohttp import web

from probes.simulator import faults
from probes.simulator.answer import Answer
from probes.simulator.batching import Batching, Sequence
from probes.simulator.clock import Clock, MonotonicClock
from probes.simulator.control import Control
from probes.simulator.dialect import JSON, Chat, Dialect, Ending, Form, Head, Piece, Refused, Reply
from probes.simulator.engine import Engine, Generation
from probes.simulator.faults import Faults, Plan
from probes.simulator.kvcache import block_hashes
from probes.simulator.listener import Listener
from probes.simulator.native import NativeMetrics, NoMetrics
from probes.simulator.ollama import Ollama, full_name
from probes.simulator.options import Capacity, EngineName, Options
from probes.simulator.player import Player, Stopped
from probes.simulator.residence import Residence
from probes.simulator.text import answer_words
from probes.simulator.tgi import Tgi
from probes.simulator.tgi_metrics import TgiMetrics
from probes.simulator.truth import ChatTruth, Truth
from probes.simulator.vllm import Vllm
from probes.simulator.vllm_metrics import VllmMetrics

ROUTER_503 = (
    b"HTTP/1.0 503 Service Unavailable\r\npragma: no-cache\r\ncache-control: private, max-age=0, no-cache, no-store\r\n"
    b"content-type: text/html\r\n\r\n"
    b"<html>\n  <head>\n    <title>Application is not available</title>\n  </head>\n  <body>\n"
    b"    <h1>Application is not available</h1>\n    <p>The application is currently not serving requests at this endpoint.</p>\n"
    b"  </body>\n</html>\n"
)


class Simulator:
    """One engine behind one address.

    `truth` is what it really sent, `faults` what goes wrong. Connections are refused through `refuse` and `accept`, or by the fault `refuse` at the
    control endpoint. Raises `FaultError` for a fault in the options that is not on the list.
    """

    def __init__(self, name: EngineName, options: Options, clock: Clock | None = None) -> None:
        self.name = name
        self.options = options
        self.clock: Clock = clock or MonotonicClock()
        self.truth = Truth(options.remembered_chats)
        self.faults = Faults(name, options.seed)
        for text in options.faults:
            self.faults.add(text)
        self._residence = Residence(self.clock, load_seconds=options.load_seconds, keep_alive_seconds=options.keep_alive_seconds)
        if options.loaded:
            self._residence.put(full_name(options.models[0]))
        self._dialect: Dialect
        self._metrics: NativeMetrics
        capacity = options.capacity
        match name:
            case "vllm":
                self._dialect, self._metrics = Vllm(options, self.clock), VllmMetrics(options)
            case "tgi":
                self._dialect, self._metrics = Tgi(options, self.clock), TgiMetrics(options)
            case "ollama":
                self._dialect, self._metrics = Ollama(options, self.clock, self._residence), NoMetrics()
                capacity = _of_slots(options)
        self._block_tokens = capacity.block_tokens
        self._engine = Engine(Batching(options.latency, capacity, seed=options.seed, reserve=name == "tgi"), self.clock, self._metrics)
        self._pages = self._dialect.pages()
        self._control = Control(self)
        self._listener: Listener | None = None
        self._running: asyncio.Task[None] | None = None
        self._busy: set[object] = set()

    @property
    def url(self) -> str:
        """Where it listens. Raises `RuntimeError` before `start`."""
        return self._started.url

    @property
    def _started(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("the simulator has not been started")
        return self._listener

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None) -> None:
        """Listen; port 0 takes a free one. Raises `OSError` if the address cannot be had."""
        server = web.Server(self._serve, handler_cancellation=True, access_log=None, keepalive_timeout=self._dialect.idle_seconds)
        self._listener = Listener(server, host, port, ssl_context)
        await self._listener.open()
        self._running = asyncio.create_task(self._engine.run(), name=f"{self.name} simulator")
        for active in self.faults.active:
            if isinstance(active.fault, faults.Refuse):
                await self.refuse(active.fault.seconds)

    async def stop(self) -> None:
        """End all connections and the engine."""
        if self._listener is not None:
            await self._listener.close()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def refuse(self, seconds: float | None = None, spared: object = None) -> None:
        """Refuse connections for `seconds`, or until `accept`; `spared` is a connection that stays open nevertheless."""
        await self._started.refuse(seconds, self._busy, spared)

    async def accept(self) -> None:
        """Take connections again."""
        await self._started.open()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._answer(request)
        finally:
            self._busy.discard(request.protocol)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        arrived_ns = self.clock.now_ns()
        body = await request.content.read()
        if request.path.startswith("/sim/"):
            answer = Answer(request, self.clock, None)
            self._reply(answer, request, await self._control.answer(request, body))
            return answer
        if request.method == "POST" and request.path in self._dialect.chat_paths:
            return await self._serve_chat(request, body, arrived_ns)
        answer = Answer(request, self.clock, None)
        reply = self._page(request)
        self._reply(answer, request, reply)
        known = (request.method, request.path) in self._pages or request.path == "/metrics"
        self._note_served(request, request.path if known else "none", reply.status, len(body), len(reply.body), arrived_ns)
        return answer

    def _page(self, request: web.BaseRequest) -> Reply:
        if not self._authorized(request):
            return self._dialect.unauthorized()
        page = self._pages.get((request.method, request.path))
        reply = page() if page else None
        if (request.method, request.path) == ("GET", "/metrics"):
            reply = self._metrics.render()
        return reply or self._dialect.lost(request.method, request.path)

    async def _serve_chat(self, request: web.BaseRequest, body: bytes, arrived_ns: int) -> Answer:
        request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex
        truth = self.truth.begin(request_id, request.path, arrived_ns)
        answer = Answer(request, self.clock, truth)
        try:
            plan = self._plan(request)
            truth.faults = plan.names
            self._turn_away(plan, request.path, answer)
            if not self._authorized(request):
                raise Refused(self._dialect.unauthorized())
            await self._chat(self._dialect.read(request.path, body), request_id, plan, answer, truth)
            truth.ended = "done"
        except Refused as refused:
            self._reply(answer, request, refused.reply)
            truth.ended = "done"
        except Stopped as stopped:
            truth.ended = stopped.fault
        except (ConnectionError, asyncio.CancelledError):
            truth.ended = "disconnected"
            raise
        finally:
            self._note_served(request, request.path, answer.sent_status or 0, len(body), answer.content_length_sent, arrived_ns)
        return answer

    def _plan(self, request: web.BaseRequest) -> Plan:
        try:
            return self.faults.plan(request.headers.get("X-Sim-Fault"))
        except faults.FaultError as wrong:
            raise Refused(Reply(400, str(wrong).encode(), "text/plain; charset=utf-8")) from None

    def _turn_away(self, plan: Plan, path: str, answer: Answer) -> None:
        """The faults that come before anything of the request is looked at."""
        reset = plan.get(faults.Reset)
        if reset is not None and reset.after is None:
            answer.reset()
            raise Stopped(reset.name)
        if faults.Router503 in plan:
            answer.send_head(503, ROUTER_503)
            answer.close()
            raise Stopped(faults.Router503.name)
        if faults.Redirect in plan:
            raise Refused(Reply(307, headers=(("location", f"/elsewhere{path}"),)))
        for kind, reply in (
            (faults.Unauthorized, self._dialect.unauthorized()),
            (faults.Forbidden, self._dialect.forbidden()),
            (faults.NotFound, self._dialect.model_missing(path, self.options.models[0])),
            (faults.ServerError, self._dialect.failed(path)),
        ):
            if kind in plan:
                raise Refused(reply)

    async def _chat(self, chat: Chat, request_id: str, plan: Plan, answer: Answer, truth: ChatTruth) -> None:
        self._metrics.asked()
        chat = _bend(chat, plan)
        truth.model, truth.prompt_tokens = chat.model, len(chat.prompt)
        form = self._dialect.form(chat, request_id)
        player = Player(self._dialect, form, answer, chat, plan, self.clock)
        if faults.Overloaded in plan or self._full():
            self._metrics.refused("overloaded")
            reply = self._dialect.overloaded(chat)
            if reply is not None:
                raise Refused(reply)
            await player.open()
            await player.fail("Model is overloaded", "overloaded")
            return
        if chat.objection is not None:
            self._metrics.refused("validation")
            if not chat.stream:
                raise Refused(self._dialect.invalid(chat.objection))
            await player.open()
            await player.fail(chat.objection, "validation")
            return
        in_memory = self._residence.use(full_name(chat.model), chat.keep_alive_seconds) if self.name == "ollama" else nullcontext()
        if chat.stream:
            await player.open()
        async with in_memory:
            loaded_ns = self.clock.now_ns()
            if not chat.prompt:
                raise Refused(Reply(200, form.whole("", Ending("load")), JSON))
            sequence, words = self._sequence(chat, loaded_ns)
            generation = self._engine.submit(sequence)

            def ending(finish: str) -> Ending:
                first_ns, last_ns = sequence.first_token_ns or loaded_ns, sequence.last_token_ns or loaded_ns
                total_ns = self.clock.now_ns() - truth.arrived_ns
                return Ending(finish, total_ns, loaded_ns - truth.arrived_ns, sequence.prefill_ns, last_ns - first_ns)

            try:
                if chat.stream:
                    await player.play(generation, words, ending, sequence.finish)
                else:
                    await _hear_out(generation, form, words)
                    raise Refused(Reply(200, form.whole("".join(words), ending(sequence.finish)), JSON))
            finally:
                truth.cached_tokens = sequence.cached_tokens
                self._engine.abort(generation)

    def _full(self) -> bool:
        limit = self.options.capacity.max_queue
        batching = self._engine.batching
        match self.name:
            case "vllm":
                return limit is not None and len(batching.waiting) >= limit
            case "tgi":
                return limit is not None and len(batching.waiting) + len(batching.running) >= limit
            case "ollama":
                return limit is not None and self._residence.pending >= limit

    def _sequence(self, chat: Chat, now_ns: int) -> tuple[Sequence, list[str]]:
        """The request for the engine and the text of each of its tokens: the same prompt always gets the same answer."""
        seed = zlib.crc32("".join(chat.prompt).encode()) ^ self.options.seed
        half = self.options.answer_tokens // 2
        natural = max(2, random.Random(seed).randint(self.options.answer_tokens - half, self.options.answer_tokens + half))
        length = chat.max_tokens if chat.exact_length else min(chat.max_tokens, natural)
        words = answer_words(seed, length)
        finish = "length"
        if length < chat.max_tokens:
            finish = "stop"
            words[-1] = ""  # the end token, which has no text
        hashes = block_hashes(chat.prompt, self._block_tokens, chat.salt)
        return Sequence(now_ns, len(chat.prompt), hashes, length, chat.max_tokens, finish), words

    def _authorized(self, request: web.BaseRequest) -> bool:
        """The scheme is read without regard to case; TGI reads the whole header so."""
        key = self.options.api_key
        if key is None or not self._dialect.guarded(request.path):
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and (given == key or (self.name == "tgi" and given.lower() == key.lower()))

    def _reply(self, answer: Answer, request: web.BaseRequest, reply: Reply) -> None:
        head = Head(reply.status, reply.content_type, len(reply.body), reply.headers, answer.closing)
        answer.content_length_sent = len(reply.body)
        answer.send_head(reply.status, self._dialect.head(head), b"" if request.method == "HEAD" else reply.body)

    def _note_served(self, request: web.BaseRequest, handler: str, status: int, request_bytes: int, response_bytes: int, arrived_ns: int) -> None:
        seconds = (self.clock.now_ns() - arrived_ns) / 1e9
        self._metrics.served(handler, request.method, status, request_bytes, response_bytes, seconds)


def _of_slots(options: Options) -> Capacity:
    """Ollama's capacity: each slot has a context of its own, and its cache matches token by token."""
    context = options.capacity.context_tokens
    return Capacity(max_batch=options.slots, kv_blocks=options.slots * context, block_tokens=1, context_tokens=context)


def _bend(chat: Chat, plan: Plan) -> Chat:
    """Apply the faults that concern what the engine counts and reports."""
    if faults.NoUsage in plan:
        chat = replace(chat, include_usage=False, continuous_usage=False)
    if faults.FinalUsageOnly in plan:
        chat = replace(chat, continuous_usage=False)
    wrong = plan.get(faults.WrongUsage)
    return replace(chat, extra_tokens=wrong.extra) if wrong else chat


async def _hear_out(generation: Generation, form: Form, words: list[str]) -> None:
    """Wait for all tokens of an answer that is sent whole."""
    for word in words:
        await generation.next_due()
        form.token(Piece(word))
