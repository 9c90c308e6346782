"""Ollama on the wire: Go's heads, which go out with the first token; what it refuses.

Shapes: Ollama `api/types.go`, `server/routes.go::ChatHandler` and `::streamResponse`, `openai/openai.go`; words and rules as seen with Ollama 0.33.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from simulator import faults
from simulator.batch_loop import BatchLoop
from simulator.batching import Batching
from simulator.clock import Clock
from simulator.dialect import (
    JSON,
    Answered,
    Chat,
    Dialect,
    Ending,
    Form,
    Head,
    Page,
    compact,
    http_date,
    messages_of,
    object_of,
    whole_number,
)
from simulator.library import Installation, Installed
from simulator.ollama_forms import CHAT, GENERATE, OPENAI, OllamaForm, OllamaOpenAiForm
from simulator.ollama_pages import GO_JSON, SHOW, OllamaPages, error_reply, not_found
from simulator.options import Capacity, Options
from simulator.own_metrics import NoMetrics
from simulator.reply import Reply
from simulator.residence import LoadError, Residence
from simulator.text import render_chat, tokenize
from simulator.truth import ChatTruth

KEPT_TOKENS = 4
"""How many tokens at its front a prompt keeps that is cut (`num_keep`'s default)."""
SHORTEST_CONTEXT = 4
_DURATION = re.compile(r"(-?[\d.]+)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(value: object) -> float | None:
    """`keep_alive`: a number of seconds or a Go duration such as `5m`; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _DURATION.search(value):
        return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    return None


def cut(tokens: list[str], context_tokens: int) -> list[str]:
    """A prompt that is longer than its context: its front and its end, about half a context (`llm/llama_server.go::completionPromptForRequest`)."""
    if len(tokens) < context_tokens:
        return tokens
    limit = context_tokens - max((context_tokens - KEPT_TOKENS) // 2, 1)
    return [*tokens[:KEPT_TOKENS], *tokens[KEPT_TOKENS + len(tokens) - limit :]]


def fitting(messages: list[tuple[str, str]], context_tokens: int) -> list[tuple[str, str]]:
    """The messages without the first ones, but for the system's, until they fit; the last one stays (`server/prompt.go::chatPrompt`)."""
    for first in range(len(messages)):
        left = [*(one for one in messages[:first] if one[0] == "system"), *messages[first:]]
        if len(render_chat(left)) <= context_tokens:
            return left
    return left if messages else messages


class Ollama(Dialect):
    """Ollama's server, native and OpenAI-style. It has no `/metrics`, and asks for no key."""

    name = "ollama"
    idle_seconds = 3600.0
    head_waits = True
    faults = frozenset({faults.Overloaded, faults.LoadFailure, faults.TokensPerChunk, faults.Reasoning, faults.SilentEnd})
    chat_paths = frozenset({CHAT, GENERATE, OPENAI})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._installation = Installation(options.models, options.library)
        self._residence = Residence(clock, self._batches, load_seconds=options.load_seconds, keep_alive_seconds=options.keep_alive_seconds)
        self._pages = OllamaPages(options, clock, self._installation, self._residence)
        if options.loaded:
            self._residence.preload(self._installation.models[0], self._context(None))

    def metrics(self) -> NoMetrics:
        return NoMetrics()

    def capacity(self, options: Options) -> Capacity:
        return options.of_slots()

    def full(self, batching: Batching, limit: int) -> bool:
        """Its `OLLAMA_MAX_QUEUE` is of requests that wait for a model to be loaded."""
        return self._residence.pending >= limit

    @asynccontextmanager
    async def in_memory(self, chat: Chat, truth: ChatTruth, *, fails: bool) -> AsyncIterator[BatchLoop]:
        model = self._installation.find(chat.model)
        assert model is not None
        context = self._context(chat.context_tokens)
        try:
            async with self._residence.use(model, context, chat.keep_alive_seconds, truth, fails=fails) as runner:
                truth.context_tokens = context
                yield runner.batches
        except LoadError:
            words = "llama-server process has terminated: exit status 1: error loading model: unable to allocate CPU buffer"
            raise Answered(error_reply(chat.path, 500, words)) from None

    def _batches(self, context_tokens: int) -> BatchLoop:
        batching = Batching(self._options.latency, self._options.of_slots(context_tokens), seed=self._options.seed, reserve=False)
        return BatchLoop(batching, self._clock, NoMetrics())

    def _context(self, asked: int | None) -> int:
        """The context of a chat: the server's own where it asks for none, and never more than the model was trained for."""
        tokens = self._options.capacity.context_tokens if asked is None else asked
        return max(SHORTEST_CONTEXT, min(tokens, self._options.library.trained_context_tokens))

    def head(self, head: Head) -> bytes:
        """The order of Go's net/http: the handler's headers by name, the date, then the framing."""
        lines = [f"HTTP/1.1 {head.status} {HTTPStatus(head.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in head.headers]
        if head.content_type is not None:
            lines.append(f"Content-Type: {head.content_type}")
        lines.append(f"Date: {http_date(self._clock.wall_ns())}")
        if head.length is not None:
            lines.append(f"Content-Length: {head.length}")
        if head.closing:
            lines.append("Connection: close")
        if head.length is None:
            lines.append("Transfer-Encoding: chunked")
        return "\r\n".join([*lines, "", ""]).encode()

    def stream_head(self, chat: Chat) -> Head:
        return Head(200, "text/event-stream" if chat.path == OPENAI else "application/x-ndjson")

    def pages(self) -> Mapping[tuple[str, str], Page]:
        return self._pages.by_path()

    def asked(self, path: str, body: bytes) -> Reply | None:
        return self._pages.show(body) if path == SHOW else None

    def guarded(self, path: str) -> bool:
        return False

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = object_of(body)
        except ValueError as broken:
            raise Answered(error_reply(path, 400, str(broken) if body else "missing request body")) from None
        name = str(asked.get("model") or "")
        if not name:
            raise Answered(self.model_missing(path, "") if path == GENERATE else error_reply(path, 400, "model is required"))
        model = self._installation.find(name)
        if model is None:
            raise Answered(self.model_missing(path, name))
        try:
            return self._read(path, name, model, asked)
        except ValueError as wrong:
            raise Answered(error_reply(path, 400, str(wrong))) from None

    def _read(self, path: str, name: str, model: Installed, asked: dict[str, object]) -> Chat:
        given = asked.get("options")
        options = given if isinstance(given, dict) and path != OPENAI else {}
        context = self._context(_context_of(path, options))
        prompt, too_long = self._prompt(path, asked, context)
        keep_alive = None if path == OPENAI else duration_seconds(asked.get("keep_alive"))
        self._turn_away(path, name, model, asked, unload=not prompt and keep_alive == 0)
        number = whole_number(asked.get("max_tokens") if path == OPENAI else options.get("num_predict"))
        usage = asked.get("stream_options")
        return Chat(
            path=path,
            model=name,
            prompt=tuple(prompt),
            # Ollama cuts an endless answer at ten times the context; here the context itself is the end.
            max_tokens=number if number is not None and number > 0 else max(1, context - len(prompt)),
            stream=bool(asked.get("stream", path != OPENAI)),
            include_usage=path != OPENAI or (isinstance(usage, dict) and bool(usage.get("include_usage"))),
            keep_alive_seconds=keep_alive,
            context_tokens=context,
            too_long=too_long,
        )

    def _turn_away(self, path: str, name: str, model: Installed, asked: dict[str, object], *, unload: bool) -> None:
        """What is answered before a model is loaded, in Ollama's order. Raises `Answered`."""
        if unload:
            self._residence.unload(model)
            form = OllamaForm(Chat(path, name, (), 0), self._clock)
            raise Answered(Reply(200, form.whole("", Ending("unload")), GO_JSON))
        if model.remote:
            raise Answered(error_reply(path, 403, "ollama cloud is disabled: remote model is unavailable"))
        if asked.get("think") and not model.can("thinking"):
            raise Answered(error_reply(path, 400, f'"{name}" does not support thinking'))
        if not model.can("completion"):
            raise Answered(error_reply(path, 400, f'"{name}" does not support {"generate" if path == GENERATE else "chat"}'))

    def _prompt(self, path: str, asked: dict[str, object], context: int) -> tuple[list[str], Reply | None]:
        """The prompt's tokens, and why it is refused if it is: one that is too long is cut in silence, but where that is forbidden.

        Empty for a request that only loads the model.
        """
        whole = path != OPENAI and asked.get("truncate") is False
        if path == GENERATE:
            tokens = tokenize(str(asked.get("prompt") or ""))
        else:
            messages = messages_of(asked.get("messages") or [])
            if not messages and path == OPENAI:
                raise ValueError("[] is too short - 'messages'")
            tokens = render_chat(messages if whole else fitting(messages, context)) if messages else []
        if not whole:
            return cut(tokens, context), None
        return tokens, _too_long(path, len(tokens), context) if len(tokens) >= context else None

    def whole_type(self, chat: Chat) -> str:
        return JSON if chat.path == OPENAI else GO_JSON

    def form(self, chat: Chat, request_id: str) -> Form:
        return OllamaOpenAiForm(chat, self._clock) if chat.path == OPENAI else OllamaForm(chat, self._clock)

    def lost(self, method: str, path: str) -> Reply:
        """gin answers an unknown path in plain text, and a method that it does not know for the path likewise."""
        known = path in self.chat_paths or ("GET", path) in self.pages()
        return Reply(405, b"405 method not allowed", "text/plain") if known else Reply(404, b"404 page not found", "text/plain")

    def unauthorized(self) -> Reply:
        return Reply(401, compact({"error": "unauthorized"}), GO_JSON)

    def forbidden(self) -> Reply:
        """Ollama `routes.go::allowedHostsMiddleware`: no body."""
        return Reply(403)

    def model_missing(self, path: str, model: str) -> Reply:
        return not_found(path, model)

    def overloaded(self, chat: Chat) -> Reply:
        return error_reply(chat.path, 503, "server busy, please try again.  maximum pending requests exceeded")

    def invalid(self, objection: str) -> Reply:
        return error_reply(CHAT, 400, objection)

    def failed(self, path: str) -> Reply:
        return error_reply(path, 500, "llama runner process has terminated: exit status 2")


def _context_of(path: str, options: dict[str, object]) -> int | None:
    """The context that a request asks for. Raises `Answered` for what is no number."""
    asked = options.get("num_ctx")
    if asked is None:
        return None
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise Answered(error_reply(path, 500, 'option "num_ctx" must be of type integer'))
    return int(asked)


def _too_long(path: str, prompt_tokens: int, context_tokens: int) -> Reply:
    """Its runner's own answer, as a text inside Ollama's."""
    words = f"request ({prompt_tokens} tokens) exceeds the available context size ({context_tokens} tokens), try increasing it"
    error = {"code": 400, "message": words, "type": "exceed_context_size_error", "n_prompt_tokens": prompt_tokens, "n_ctx": context_tokens}
    return error_reply(path, 400, compact({"error": error}).decode())
