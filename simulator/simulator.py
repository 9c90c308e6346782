"""One simulated engine as a server: requests in, answers out, everything noted in the ground truth."""

from __future__ import annotations

import asyncio
import ssl
import uuid

from aiohttp import web

from simulator import faults
from simulator.answer import Answer
from simulator.batch_loop import BatchLoop
from simulator.batching import Batching
from simulator.clock import Clock, MonotonicClock
from simulator.desk import Desk
from simulator.dialect import Answered, Head
from simulator.dialects import DIALECTS
from simulator.fault_plan import FaultError, Faults, Plan, parse
from simulator.listener import Listener
from simulator.options import Options
from simulator.player import Stopped
from simulator.reply import Reply
from simulator.simulation_api import SimulationApi
from simulator.truth import Truth

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
    control endpoint. Raises `FaultError` for a fault in the options that is not on the list, `KeyError` for an engine that is not.
    """

    def __init__(self, name: str, options: Options, clock: Clock | None = None) -> None:
        self.name = name
        self.options = options
        self.clock: Clock = clock or MonotonicClock()
        self.truth = Truth(options.remembered_chats)
        self.faults = Faults(name, options.seed)
        self._refusal: faults.Refuse | None = None
        for text in options.faults:
            fault = parse(text, name)
            if isinstance(fault, faults.Refuse):
                self._refusal = fault
            else:
                self.faults.add(text)
        self._dialect = DIALECTS[name](options, self.clock)
        self._metrics = self._dialect.metrics()
        capacity = self._dialect.capacity(options)
        batching = Batching(options.latency, capacity, seed=options.seed, reserve=self._dialect.books_room, part_tokens=self._dialect.part_tokens)
        self._batches = BatchLoop(batching, self.clock, self._metrics)
        self._desk = Desk(options, capacity, self._dialect, self._batches, self._metrics, self.clock)
        self._pages = self._dialect.pages()
        self._api = SimulationApi(self)
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
        self._running = asyncio.create_task(self._batches.run(), name=f"{self.name} simulator")
        if self._refusal is not None:
            await self.refuse(self._refusal.seconds)

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

    @property
    def refusing(self) -> bool:
        """Whether connections are refused now."""
        return self._started.refusing

    async def accept(self) -> None:
        """Take connections again."""
        await self._started.open()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._answer(request)
        except ConnectionResetError:
            return web.Response()  # to nobody: the client has gone, which is its right and no error of ours
        finally:
            self._busy.discard(request.protocol)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        arrived_ns = self.clock.now_ns()
        body = await request.content.read()
        if request.path.startswith("/sim/"):
            answer = Answer(request, self.clock, None)
            self._reply(answer, request, await self._api.answer(request, body))
            return answer
        if request.method == "POST" and request.path in self._dialect.chat_paths:
            return await self._serve_chat(request, body, arrived_ns)
        answer = Answer(request, self.clock, None)
        reply = self._page(request, body)
        self._reply(answer, request, reply)
        known = (request.method, request.path) in self._pages or request.path == "/metrics"
        self._note_served(request, request.path if known else "none", reply.status, len(body), len(reply.body), arrived_ns)
        return answer

    def _page(self, request: web.BaseRequest, body: bytes) -> Reply:
        if not self._authorized(request):
            return self._dialect.unauthorized()
        page = self._pages.get((request.method, request.path))
        reply = page() if page else None
        if (request.method, request.path) == ("GET", "/metrics"):
            reply = self._metrics.render()
        if request.method == "POST":
            reply = reply or self._dialect.asked(request.path, body)
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
                raise Answered(self._dialect.unauthorized())
            await self._desk.serve(self._dialect.read(request.path, body), plan, answer, truth)
            truth.ended = "done"
        except Answered as answered:
            self._reply(answer, request, answered.reply)
            truth.ended = "done"
        except Stopped as stopped:
            truth.ended = stopped.fault
            self._metrics.failed("generation")
        except (ConnectionError, asyncio.CancelledError):
            truth.ended = "disconnected"
            self._metrics.failed("dropped")
            raise
        finally:
            if answer.sent_status is not None:
                self._note_served(request, request.path, answer.sent_status, len(body), answer.content_length_sent, arrived_ns)
        return answer

    def _plan(self, request: web.BaseRequest) -> Plan:
        try:
            return self.faults.plan(request.headers.get("X-Sim-Fault"))
        except FaultError as wrong:
            raise Answered(Reply(400, str(wrong).encode(), "text/plain; charset=utf-8")) from None

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
            raise Answered(Reply(307, headers=(("location", f"/elsewhere{path}"),)))
        for kind, reply in (
            (faults.Unauthorized, self._dialect.unauthorized()),
            (faults.Forbidden, self._dialect.forbidden()),
            (faults.NotFound, self._dialect.model_missing(path, self.options.models[0])),
            (faults.ServerError, self._dialect.failed(path)),
        ):
            if kind in plan:
                raise Answered(reply)

    def _authorized(self, request: web.BaseRequest) -> bool:
        key = self.options.api_key
        return key is None or not self._dialect.guarded(request.path) or self._dialect.accepts(request.headers.get("Authorization", ""), key)

    def _reply(self, answer: Answer, request: web.BaseRequest, reply: Reply) -> None:
        head = Head(reply.status, reply.content_type, len(reply.body), reply.headers, answer.closing)
        answer.content_length_sent = len(reply.body)
        answer.send_head(reply.status, self._dialect.head(head), b"" if request.method == "HEAD" else reply.body)

    def _note_served(self, request: web.BaseRequest, handler: str, status: int, request_bytes: int, response_bytes: int, arrived_ns: int) -> None:
        seconds = (self.clock.now_ns() - arrived_ns) / 1e9
        self._metrics.served(handler, request.method, status, request_bytes, response_bytes, seconds)
