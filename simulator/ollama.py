"""Ollama on the wire: Go's heads, which go out with the first token; NDJSON with a stamp on each object; errors as a line or as nothing at all.

Shapes: Ollama `api/types.go`, `server/routes.go::ChatHandler` and `::streamResponse`, `openai/openai.go`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus

from simulator import faults
from simulator.batching import Batching
from simulator.clock import Clock
from simulator.dialect import (
    DONE,
    JSON,
    Answered,
    Chat,
    Dialect,
    Ending,
    Form,
    Frame,
    Group,
    Head,
    Page,
    Piece,
    compact,
    http_date,
    messages_of,
    object_of,
    sse,
    whole_number,
)
from simulator.options import Capacity, Options
from simulator.own_metrics import NoMetrics
from simulator.reply import Reply
from simulator.residence import Residence
from simulator.text import render_chat, tokenize

VERSION = "0.12.0"
GO_JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
CHAT = "/api/chat"
GENERATE = "/api/generate"
OPENAI = "/v1/chat/completions"
MODEL_BYTES = 2_019_393_189
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}
_DURATION = re.compile(r"(-?[\d.]+)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def full_name(model: str) -> str:
    """A model's name with its tag, `latest` where none is given."""
    return model if ":" in model else f"{model}:latest"


def duration_seconds(value: object) -> float | None:
    """`keep_alive`: a number of seconds or a Go duration such as `5m`; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _DURATION.search(value):
        return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    return None


def rfc3339(wall_ns: int) -> str:
    """A stamp with nanoseconds, as Go prints it in UTC."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


class Ollama(Dialect):
    """Ollama's server, native and OpenAI-style. It has no `/metrics`, and asks for no key."""

    name = "ollama"
    idle_seconds = 3600.0
    head_waits = True
    faults = frozenset({faults.Overloaded, faults.TokensPerChunk, faults.Reasoning, faults.SilentEnd})
    chat_paths = frozenset({CHAT, GENERATE, OPENAI})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._residence = Residence(clock, load_seconds=options.load_seconds, keep_alive_seconds=options.keep_alive_seconds)
        if options.loaded:
            self._residence.preload(full_name(options.models[0]))

    def metrics(self) -> NoMetrics:
        return NoMetrics()

    def capacity(self, options: Options) -> Capacity:
        return options.of_slots()

    def full(self, batching: Batching, limit: int) -> bool:
        """Its `OLLAMA_MAX_QUEUE` is of requests that wait for a model to be loaded."""
        return self._residence.pending >= limit

    def in_memory(self, chat: Chat) -> AbstractAsyncContextManager[None]:
        return self._residence.use(full_name(chat.model), chat.keep_alive_seconds)

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
        running = Reply(200, b"Ollama is running", TEXT)
        pages: dict[tuple[str, str], Page] = {
            ("GET", "/api/ps"): self._loaded,
            ("GET", "/v1/models"): self._models,
        }
        for method in ("GET", "HEAD"):
            pages[method, "/"] = lambda: running
            pages[method, "/api/version"] = lambda: Reply(200, compact({"version": VERSION}), GO_JSON)
            pages[method, "/api/tags"] = self._installed
        return pages

    def _installed(self) -> Reply:
        modified = "2026-11-01T08:00:00Z"
        models = [
            {"name": name, "model": name, "modified_at": modified, "size": MODEL_BYTES, "digest": _digest(name), "details": DETAILS}
            for name in map(full_name, self._options.models)
        ]
        return Reply(200, compact({"models": models}), GO_JSON)

    def _models(self) -> Reply:
        cards = [{"id": full_name(model), "object": "model", "created": 1793520000, "owned_by": "library"} for model in self._options.models]
        return Reply(200, compact({"object": "list", "data": cards}), JSON)

    def _loaded(self) -> Reply:
        to_wall_ns = self._clock.wall_ns() - self._clock.now_ns()
        models = [
            {
                "name": name,
                "model": name,
                "size": MODEL_BYTES,
                "digest": _digest(name),
                "details": DETAILS,
                "expires_at": rfc3339(expires_ns + to_wall_ns),
                "size_vram": MODEL_BYTES,
                "context_length": self._options.capacity.context_tokens,
            }
            for name, expires_ns in self._residence.loaded()
        ]
        return Reply(200, compact({"models": models}), GO_JSON)

    def guarded(self, path: str) -> bool:
        return False

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = object_of(body)
        except ValueError as broken:
            raise Answered(_error(path, 400, str(broken) if body else "missing request body")) from None
        model = str(asked.get("model") or "")
        if not model:
            raise Answered(self.model_missing(path, "") if path == GENERATE else _error(path, 400, "model is required"))
        if full_name(model) not in map(full_name, self._options.models):
            raise Answered(self.model_missing(path, model))
        try:
            prompt = self._prompt(path, asked)
        except ValueError as broken:
            raise Answered(_error(path, 400, str(broken))) from None
        options = asked.get("options")
        limit = asked.get("max_tokens") if path == OPENAI else options.get("num_predict") if isinstance(options, dict) else None
        number = whole_number(limit)
        usage = asked.get("stream_options")
        return Chat(
            path=path,
            model=model,
            prompt=prompt,
            # Ollama cuts an endless answer at ten times the context; here the context itself is the end.
            max_tokens=number if number is not None and number > 0 else self._options.capacity.context_tokens - len(prompt),
            stream=bool(asked.get("stream", path != OPENAI)),
            include_usage=path != OPENAI or (isinstance(usage, dict) and bool(usage.get("include_usage"))),
            keep_alive_seconds=None if path == OPENAI else duration_seconds(asked.get("keep_alive")),
        )

    def _prompt(self, path: str, asked: dict[str, object]) -> tuple[str, ...]:
        """The prompt's tokens; one too long is cut at its front, as Ollama does. Empty for a request that only loads the model."""
        if path == GENERATE:
            tokens = tokenize(str(asked.get("prompt") or ""))
        else:
            messages = messages_of(asked.get("messages") or [])
            tokens = render_chat(messages) if messages else []
        return tuple(tokens[-(self._options.capacity.context_tokens - 1) :])

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
        return _error(path, 404, f"model '{model}' not found")

    def overloaded(self, chat: Chat) -> Reply:
        return _error(chat.path, 503, "server busy, please try again.  maximum pending requests exceeded")

    def invalid(self, objection: str) -> Reply:
        return _error(CHAT, 400, objection)

    def failed(self, path: str) -> Reply:
        return _error(path, 500, "llama runner process has terminated: exit status 2")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _error(path: str, status: int, message: str) -> Reply:
    if not path.startswith("/v1/"):
        return Reply(status, compact({"error": message}), GO_JSON)
    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
    return Reply(status, compact({"error": {"message": message, "type": kind, "param": None, "code": None}}), GO_JSON)


class OllamaForm:
    """One `/api/chat` or `/api/generate` as NDJSON. Tokens without text (the end token) bear no object of their own."""

    def __init__(self, chat: Chat, clock: Clock) -> None:
        self._chat = chat
        self._clock = clock
        self._tokens = 0

    def role(self) -> Group:
        return (Frame(self._line(Piece("", 0), done=False), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        return (Frame(self._line(piece, done=False), "reasoning" if piece.reasoning else "token", piece.tokens),) if piece.text else ()

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        end = (Frame(self._line(Piece("", 0), done=True, ending=ending), "done"),)
        return (last, end) if last else (end,)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        return ((Frame(compact({"error": message}) + b"\n", "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        return self._line(Piece(text, 0), done=True, ending=ending).rstrip(b"\n")

    def _line(self, piece: Piece, *, done: bool, ending: Ending | None = None) -> bytes:
        line: dict[str, object] = {"model": self._chat.model, "created_at": rfc3339(self._clock.wall_ns())}
        if self._chat.path == GENERATE:
            line |= {"response": "", "thinking": piece.text} if piece.reasoning else {"response": piece.text}
        elif piece.reasoning:
            line["message"] = {"role": "assistant", "content": "", "thinking": piece.text}
        else:
            line["message"] = {"role": "assistant", "content": piece.text}
        line["done"] = done
        if ending is not None:
            line |= self._figures(ending)
        return compact(line) + b"\n"

    def _figures(self, ending: Ending) -> dict[str, object]:
        """Ollama `api/types.go::Metrics`: nanoseconds, and zeros left out."""
        counted = self._chat.include_usage
        figures = {
            "total_duration": ending.total_ns,
            "load_duration": ending.load_ns,
            "prompt_eval_count": len(self._chat.prompt) if counted else 0,
            "prompt_eval_duration": ending.prompt_ns,
            "eval_count": self._tokens + self._chat.extra_tokens if counted else 0,
            "eval_duration": ending.generation_ns,
        }
        return {"done_reason": ending.finish, **{name: value for name, value in figures.items() if value}}


class OllamaOpenAiForm:
    """One `/v1/chat/completions` of Ollama: no chunk for the role, and finish, usage and marker in one flush."""

    def __init__(self, chat: Chat, clock: Clock) -> None:
        self._chat = chat
        self._tokens = 0
        number = clock.now_ns() % 999
        created = clock.wall_ns() // 1_000_000_000
        self._start = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": created}

    def role(self) -> Group:
        return (Frame(self._event({"role": "assistant", "content": ""}), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        if not piece.text:
            return ()
        if piece.reasoning:
            delta = {"role": "assistant", "content": "", "reasoning": piece.text}
            return (Frame(self._event(delta), "reasoning", piece.tokens),)
        return (Frame(self._event({"role": "assistant", "content": piece.text}), "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        end = [Frame(self._event({}, ending.finish), "finish")]
        if self._chat.include_usage:
            usage = {**self._head(self._chat.model), "choices": [], "usage": self._usage()}
            end.append(Frame(sse(usage), "usage"))
        flush = (*end, Frame(DONE, "done"))
        return (last, flush) if last else (flush,)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """Ollama `middleware/openai.go::ChatWriter`: the error is read as an answer, so its text is lost and no marker follows."""
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return ((Frame(sse({**self._head(""), "choices": [choice]}), "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": ending.finish}
        return compact({**self._head(self._chat.model), "object": "chat.completion", "choices": [choice], "usage": self._usage()})

    def _head(self, model: str) -> dict[str, object]:
        return {**self._start, "model": model, "system_fingerprint": "fp_ollama"}

    def _event(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        return sse({**self._head(self._chat.model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _usage(self) -> dict[str, int]:
        prompt = len(self._chat.prompt)
        tokens = self._tokens + self._chat.extra_tokens
        return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
