"""llama.cpp's server, build 11549, on the wire: cpp-httplib's heads, an event a token, its own times on the last event.

Order and shape of the events: llama.cpp `tools/server/server-task.cpp::to_json_oaicompat_chat_stream`, `server-context.cpp::handle_completions_impl`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

import orjson

from simulator import faults
from simulator.batching import Batching
from simulator.clock import Clock
from simulator.dialect import DONE, Answered, Chat, Dialect, Ending, Frame, Group, Head, Page, Piece, Spent, compact, messages_of, sse, whole_number
from simulator.llamacpp_metrics import LlamacppMetrics
from simulator.options import Capacity, Options
from simulator.reply import Reply
from simulator.text import render_chat

BUILD = "b11549-9c1f0a2d"
CHAT = "/v1/chat/completions"
JSON = "application/json; charset=utf-8"
MOST_TOKENS = 2**31 - 1
_NOT_JSON = "[json.exception.parse_error.101] parse error at line 1, column 1: syntax error while parsing value - invalid literal; last read: '{}'"


class Llamacpp(Dialect):
    """`llama-server` with one model. It asks nothing of a model's name, and answers with its own; requests wait for a slot without limit."""

    name = "llamacpp"
    content_type = JSON
    idle_seconds = 5.0
    comment = b":\n\n"
    comment_seconds = 30.0
    faults = frozenset({faults.Comments, faults.TokensPerChunk, faults.FinalUsageOnly, faults.Reasoning})
    chat_paths = frozenset({CHAT, "/chat/completions"})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def metrics(self) -> LlamacppMetrics:
        return LlamacppMetrics()

    def capacity(self, options: Options) -> Capacity:
        return options.of_slots()

    def full(self, batching: Batching, limit: int) -> bool:
        """It turns nobody away."""
        return False

    def head(self, head: Head) -> bytes:
        """After an error it closes the connection."""
        lines = [f"HTTP/1.1 {head.status} {HTTPStatus(head.status).phrase}", "Server: llama.cpp", "Access-Control-Allow-Origin: "]
        lines += [f"{name}: {value}" for name, value in head.headers]
        if head.content_type is not None:
            lines.append(f"Content-Type: {head.content_type}")
        lines.append("Transfer-Encoding: chunked" if head.length is None else f"Content-Length: {head.length}")
        lines.append("Connection: close" if head.closing or head.status >= 400 else "Keep-Alive: timeout=5, max=100")
        return "\r\n".join([*lines, "", ""]).encode()

    def stream_head(self, chat: Chat) -> Head:
        return Head(200, "text/event-stream", headers=(("X-Accel-Buffering", "no"),))

    def pages(self) -> Mapping[tuple[str, str], Page]:
        healthy = Reply(200, compact({"status": "ok"}), JSON)
        return {
            ("GET", "/health"): lambda: healthy,
            ("GET", "/v1/health"): lambda: healthy,
            ("GET", "/props"): self._props,
            ("GET", "/models"): self._models,
            ("GET", "/v1/models"): self._models,
        }

    @property
    def _context(self) -> int:
        """Of one slot."""
        return self._options.capacity.context_tokens

    def _props(self) -> Reply:
        """The real one has the default sampling parameters too, the chat template and what it can do."""
        model = self._options.models[0]
        props = {
            "default_generation_settings": {"n_ctx": self._context},
            "total_slots": self._options.slots,
            "model_alias": model,
            "model_path": f"/models/{model}.gguf",
            "endpoint_slots": True,
            "endpoint_props": False,
            "endpoint_metrics": True,
            "build_info": BUILD,
            "is_sleeping": False,
        }
        return Reply(200, compact(props), JSON)

    def _models(self) -> Reply:
        """Its list has the form of Ollama's beside that of OpenAI."""
        model = self._options.models[0]
        details = {"parent_model": "", "format": "gguf", "family": "", "families": [""], "parameter_size": "", "quantization_level": ""}
        as_ollama = {
            "name": model,
            "model": model,
            "modified_at": "",
            "size": "",
            "digest": "",
            "type": "model",
            "description": "",
            "tags": [""],
            "capabilities": ["completion"],
            "parameters": "",
            "details": details,
        }
        card = {
            "id": model,
            "aliases": [model],
            "tags": [],
            "object": "model",
            "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
            "created": self._clock.wall_ns() // 1_000_000_000,
            "owned_by": "llamacpp",
            "meta": {
                "vocab_type": 2,
                "n_vocab": 4096,
                "n_ctx": self._context,
                "n_ctx_train": 2 * self._context,
                "n_embd": 256,
                "n_params": 4460800,
                "size": 17843200,
                "ftype": "all F32",
            },
        }
        return Reply(200, compact({"models": [as_ollama], "object": "list", "data": [card]}), JSON)

    def guarded(self, path: str) -> bool:
        """Its metrics ask for the key too (llama.cpp `tools/server/server-http.cpp::init_listener`)."""
        return path not in ("/health", "/v1/health", "/")

    def accepts(self, authorization: str, key: str) -> bool:
        """The scheme is read as it stands."""
        return authorization.removeprefix("Bearer ") == key

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Answered(_refused(_NOT_JSON.format(body[:20].decode("utf-8", "replace")))) from None
        if not isinstance(asked, dict) or "messages" not in asked:
            raise Answered(_refused("'messages' is required"))
        try:
            prompt = tuple(render_chat(messages_of(asked["messages"])))
        except ValueError:
            raise Answered(_refused("Expected 'messages' to be an array")) from None
        usage = asked.get("stream_options")
        return Chat(
            path=path,
            model=self._options.models[0],
            prompt=prompt,
            max_tokens=self._room(len(prompt), whole_number(asked.get("max_tokens"))),
            exact_length=bool(asked.get("ignore_eos")),
            stream=bool(asked.get("stream")),
            include_usage=isinstance(usage, dict) and bool(usage.get("include_usage")),
            continuous_usage=bool(asked.get("timings_per_token")),
            # a prompt that is not to be looked up in the cache is like none before it
            salt="" if asked.get("cache_prompt", True) else secrets.token_hex(8),
        )

    def _room(self, prompt_tokens: int, wanted: int | None) -> int:
        """How many tokens the answer may have; the context ends a longer one. Raises `Answered`."""
        if wanted is not None and not -1 <= wanted <= MOST_TOKENS:
            raise Answered(_refused(f"Field 'max_tokens': Value must be between -1 <= value <= {MOST_TOKENS}, but got {wanted}"))
        if prompt_tokens >= self._context:
            message = f"request ({prompt_tokens} tokens) exceeds the available context size ({self._context} tokens), try increasing it"
            sizes = {"n_prompt_tokens": prompt_tokens, "n_ctx": self._context}
            raise Answered(_failure(400, message, "exceed_context_size_error", **sizes))
        room = max(1, self._context - prompt_tokens - 1)
        return room if wanted in (None, -1) else max(1, min(wanted, room))

    def form(self, chat: Chat, request_id: str) -> LlamacppForm:
        """Its chats have ids of its own, whatever the request's."""
        return LlamacppForm(chat, f"chatcmpl-{secrets.token_urlsafe(24)}", self._clock.wall_ns() // 1_000_000_000)

    def lost(self, method: str, path: str) -> Reply:
        return Reply(404, compact({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}), JSON)

    def unauthorized(self) -> Reply:
        return Reply(401, compact({"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}), JSON)

    def forbidden(self) -> Reply:
        return _failure(403, "Forbidden", "permission_error")

    def model_missing(self, path: str, model: str) -> Reply:
        """Any name of a model is answered: what it does not know is the path."""
        return self.lost("POST", path)

    def overloaded(self, chat: Chat) -> Reply:
        """Never asked for."""
        return self.failed(chat.path)

    def invalid(self, objection: str) -> Reply:
        return _refused(objection)

    def failed(self, path: str) -> Reply:
        return _failure(500, "Compute error.", "server_error")


def _error(status: int, message: str, kind: str, **more: int) -> dict[str, object]:
    return {"error": {"code": status, "message": message, "type": kind, **more}}


def _failure(status: int, message: str, kind: str, **more: int) -> Reply:
    return Reply(status, compact(_error(status, message, kind, **more)), JSON)


def _refused(message: str) -> Reply:
    return _failure(400, message, "invalid_request_error")


class LlamacppForm:
    """One chat as `chat.completion.chunk` events. The role shares its chunk of the body with the first token, and the finish with the usage."""

    def __init__(self, chat: Chat, chat_id: str, created: int) -> None:
        self._chat = chat
        self._tokens = 0
        self._role_sent = False
        self._id = chat_id
        self._start = {"created": created, "id": chat_id, "model": chat.model, "system_fingerprint": BUILD, "object": "chat.completion.chunk"}

    def role(self) -> Group:
        self._role_sent = True
        return (Frame(self._role_event(), "role"),)

    def _role_event(self) -> bytes:
        return sse({"choices": [_choice({"role": "assistant", "content": None})], **self._start})

    def opening(self) -> Group:
        """The role comes with the first token."""
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        if not piece.text:
            return ()
        delta = {"reasoning_content" if piece.reasoning else "content": piece.text}
        event = {"choices": [_choice(delta)], **self._start}
        if self._chat.continuous_usage:
            event["timings"] = self._timings(piece.spent)
        before = b"" if self._role_sent else self._role_event()
        self._role_sent = True
        return (Frame(before + sse(event), "reasoning" if piece.reasoning else "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        unsaid = piece.tokens if piece and not last else 0
        before = b"" if self._role_sent else self._role_event()
        finish: dict[str, object] = {"choices": [_choice({}, ending.finish)], **self._start}
        timings = self._timings(Spent(ending.prompt_ns, ending.generation_ns, ending.cached_tokens))
        done = (Frame(DONE, "done"),)
        if self._chat.include_usage:
            usage = {"choices": [], **self._start, "usage": self._usage(ending.cached_tokens), "timings": timings}
            end = (Frame(before + sse(finish) + sse(usage), "usage", unsaid),)
        else:
            end = (Frame(before + sse({**finish, "timings": timings}), "finish", unsaid),)
        return (last, end, done) if last else (end, done)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """The stream ends with it, without the marker."""
        return ((Frame(sse(_error(500, message, "server_error")), "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        choice = {"finish_reason": ending.finish, "index": 0, "message": {"role": "assistant", "content": text}}
        answer = {
            "choices": [choice],
            "created": self._start["created"],
            "model": self._chat.model,
            "system_fingerprint": BUILD,
            "object": "chat.completion",
            "usage": self._usage(ending.cached_tokens),
            "id": self._id,
            "timings": self._timings(Spent(ending.prompt_ns, ending.generation_ns, ending.cached_tokens)),
        }
        return compact(answer)

    def _usage(self, cached_tokens: int) -> dict[str, object]:
        prompt, tokens = len(self._chat.prompt), self._tokens + self._chat.extra_tokens
        return {
            "completion_tokens": tokens,
            "prompt_tokens": prompt,
            "total_tokens": prompt + tokens,
            "prompt_tokens_details": {"cached_tokens": cached_tokens},
        }

    def _timings(self, spent: Spent) -> dict[str, float]:
        """llama.cpp `tools/server/server-common.cpp::server_slot_stats::to_json`: the first token is the prompt's, so that it costs no step."""
        computed = len(self._chat.prompt) - spent.cached_tokens
        tokens = self._tokens + self._chat.extra_tokens
        prompt_ms, predicted_ms = spent.prompt_ns / 1e6, max(spent.generation_ns / 1e6, 0.001)
        steps = tokens - 1
        return {
            "cache_n": spent.cached_tokens,
            "prompt_n": computed,
            "prompt_ms": prompt_ms,
            "prompt_per_token_ms": prompt_ms / computed if computed else 0.0,
            "prompt_per_second": 1e3 / prompt_ms * computed if prompt_ms else 0.0,
            "predicted_n": tokens,
            "predicted_ms": predicted_ms,
            "predicted_per_token_ms": predicted_ms / steps if steps > 0 else 0.0,
            "predicted_per_second": 1e3 / predicted_ms * steps if steps > 0 else 0.0,
        }


def _choice(delta: Mapping[str, str | None], finish: str | None = None) -> dict[str, object]:
    return {"finish_reason": finish, "index": 0, "delta": delta}
