"""SGLang 0.5 on the wire: uvicorn's heads, which go out with the first token; an event a token, usage and `[DONE]` at the end.

Order and shape of the events: SGLang `entrypoints/openai/serving_chat.py::_generate_chat_stream`, `sse_utils.py::build_sse_content`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from simulator import faults
from simulator.clock import Clock
from simulator.dialect import (
    DONE,
    JSON,
    Answered,
    Chat,
    Dialect,
    Ending,
    Frame,
    Group,
    Head,
    Page,
    Piece,
    compact,
    messages_of,
    object_of,
    sse,
    whole_number,
)
from simulator.options import Options
from simulator.reply import Reply
from simulator.sglang_metrics import SglangMetrics
from simulator.text import render_chat
from simulator.uvicorn import CORS, uvicorn_head

VERSION = "0.5.23"
CHAT = "/v1/chat/completions"
_PLACE = (
    f'\n\n  File "/usr/lib/python3/site-packages/sglang/srt/entrypoints/http_server.py", line 1870, in openai_v1_chat_completions\n    POST {CHAT} '
)
_NOT_JSON = (
    "{'type': 'json_invalid', 'loc': ('body', 0), 'msg': 'JSON decode error', 'input': {}, "
    "'ctx': {'error': 'unexpected character, expected a JSON value'}}"
)


class Sglang(Dialect):
    """SGLang's server. It asks nothing of the model's name, and repeats it."""

    name = "sglang"
    idle_seconds = 5.0
    head_waits = True
    faults = frozenset({faults.Overloaded, faults.TokensPerChunk, faults.FinalUsageOnly, faults.Abort, faults.Reasoning})
    chat_paths = frozenset({CHAT})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def metrics(self) -> SglangMetrics:
        return SglangMetrics(self._options)

    def head(self, head: Head) -> bytes:
        """Its check of the key stands before its CORS layer."""
        return uvicorn_head(head, self._clock.wall_ns(), () if head.status == 401 else CORS)

    def stream_head(self, chat: Chat) -> Head:
        return Head(200, "text/event-stream; charset=utf-8")

    def pages(self) -> Mapping[tuple[str, str], Page]:
        healthy = Reply(200)
        return {
            ("GET", "/health"): lambda: healthy,
            ("GET", "/health_generate"): lambda: healthy,
            ("GET", "/ready"): lambda: healthy,
            ("GET", "/ping"): lambda: healthy,
            ("GET", "/"): lambda: Reply(200, compact("SGLang is running"), JSON),
            ("GET", "/server_info"): self._server_info,
            ("GET", "/v1/models"): self._models,
        }

    def _server_info(self) -> Reply:
        """The real one has some 550 more fields, one for each option."""
        model = self._options.models[0]
        info = {"model_path": model, "tokenizer_path": model, "served_model_name": model, "context_length": self._context, "version": VERSION}
        return Reply(200, compact(info), JSON)

    def _models(self) -> Reply:
        now = self._clock.wall_ns() // 1_000_000_000
        cards = [
            {
                "id": model,
                "object": "model",
                "created": now,
                "owned_by": "sglang",
                "root": model,
                "parent": None,
                "max_model_len": self._context,
            }
            for model in self._options.models
        ]
        return Reply(200, compact({"object": "list", "data": cards}), JSON)

    @property
    def _context(self) -> int:
        return self._options.capacity.context_tokens

    def guarded(self, path: str) -> bool:
        """SGLang `utils/auth.py::decide_request_auth`."""
        return not path.startswith(("/health", "/ready", "/metrics"))

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = object_of(body)
        except ValueError:
            raise Answered(_invalid(_NOT_JSON)) from None
        if "messages" not in asked:
            missing = {"type": "missing", "loc": ("body", "messages"), "msg": "Field required", "input": {**asked, "tool_choice": "none"}}
            raise Answered(_invalid(repr(missing)))
        try:
            turns = messages_of(asked["messages"])
        except ValueError:
            wrong = {"type": "list_type", "loc": ("body", "messages"), "msg": "Input should be a valid list", "input": asked["messages"]}
            raise Answered(_invalid(repr(wrong))) from None
        if not turns:
            raise Answered(_refused("Messages cannot be empty."))
        prompt = tuple(render_chat(turns))
        wanted = whole_number(asked.get("max_completion_tokens")) or whole_number(asked.get("max_tokens"))
        usage = asked.get("stream_options")
        usage = usage if isinstance(usage, dict) else {}
        return Chat(
            path=path,
            model=str(asked.get("model") or "default"),
            prompt=prompt,
            max_tokens=self._room(len(prompt), wanted),
            exact_length=bool(asked.get("ignore_eos")),
            stream=bool(asked.get("stream")),
            include_usage=bool(usage.get("include_usage")),
            continuous_usage=bool(usage.get("continuous_usage_stats")),
            salt=str(asked.get("cache_salt") or ""),
        )

    def _room(self, prompt_tokens: int, wanted: int | None) -> int:
        """How many tokens the answer may have. Raises `Answered`."""
        limit = self._context
        if wanted is not None and wanted < 0:
            raise Answered(_refused(f"max_new_tokens must be at least 0, got {wanted}."))
        if wanted is not None and wanted > limit:
            message = f"max_completion_tokens is too large: {wanted}.This model supports at most {limit} completion tokens."
            raise Answered(_refused(message))
        if prompt_tokens >= limit:
            raise Answered(_refused(f"The input ({prompt_tokens} tokens) is longer than the model's context length ({limit} tokens)."))
        if wanted is not None and prompt_tokens + wanted > limit:
            message = (
                f"Requested token count exceeds the model's maximum context length of {limit} tokens. You requested a total of "
                f"{prompt_tokens + wanted} tokens: {prompt_tokens} tokens from the input messages and {wanted} tokens for the completion. "
                "Please reduce the number of tokens in the input messages or the completion to fit within the limit."
            )
            raise Answered(_refused(message))
        return limit - prompt_tokens if wanted is None else wanted

    def form(self, chat: Chat, request_id: str) -> SglangForm:
        """Its chats have ids of its own, whatever the request's."""
        return SglangForm(chat, secrets.token_hex(16), self._clock.wall_ns() // 1_000_000_000)

    def lost(self, method: str, path: str) -> Reply:
        if path in self.chat_paths:
            return Reply(405, compact({"detail": "Method Not Allowed"}), JSON, (("allow", "POST"),))
        return Reply(404, compact({"detail": "Not Found"}), JSON)

    def unauthorized(self) -> Reply:
        return Reply(401, compact({"error": "Unauthorized"}), JSON)

    def forbidden(self) -> Reply:
        return Reply(403, compact(_error(403, "Forbidden", "403")), JSON)

    def model_missing(self, path: str, model: str) -> Reply:
        """Any name of a model is answered: what it does not know is the path."""
        return self.lost("POST", f"/nowhere{path}")

    def overloaded(self, chat: Chat) -> None:
        """A full queue is told inside the stream (SGLang `managers/scheduler.py::_abort_on_queued_limit`)."""

    def invalid(self, objection: str) -> Reply:
        return _refused(objection)

    def failed(self, path: str) -> Reply:
        return Reply(500, compact(_error(500, "Internal server error: out of memory", "InternalServerError")), JSON)


def _error(status: int, message: str, kind: str) -> dict[str, object]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": status}


def _refused(message: str) -> Reply:
    return Reply(400, compact(_error(400, message, "BadRequestError")), JSON)


def _invalid(detail: str) -> Reply:
    return Reply(400, compact(_error(400, f"1 validation error:\n  {detail}{_PLACE}[{detail}]", "Bad Request")), JSON)


class SglangForm:
    """One chat as `chat.completion.chunk` events; `created` is the same second on all of them. Steps without text send no event."""

    def __init__(self, chat: Chat, chat_id: str, created: int) -> None:
        self._chat = chat
        self._tokens = 0
        self._reasoning_tokens = 0
        self._start = {"id": chat_id, "object": "chat.completion.chunk", "created": created, "model": chat.model}

    def role(self) -> Group:
        return (Frame(sse({**self._start, "choices": [_choice(role="assistant", content="")]}), "role"),)

    def opening(self) -> Group:
        return self.role()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        if not piece.text:
            return ()
        if piece.reasoning:
            self._reasoning_tokens += piece.tokens
        choice = _choice(reasoning_content=piece.text) if piece.reasoning else _choice(content=piece.text)
        event = {**self._start, "choices": [choice], **({"usage": self._usage()} if self._chat.continuous_usage else {})}
        return (Frame(sse(event), "reasoning" if piece.reasoning else "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        unsaid = piece.tokens if piece and not last else 0
        finish = Frame(sse({**self._start, "choices": [_choice(finish=ending.finish)]}), "finish", unsaid)
        done = Frame(DONE, "done")
        ends: tuple[Group, ...] = ((finish,), (Frame(sse(self._usage_event()), "usage"), done)) if self._chat.include_usage else ((finish,), (done,))
        return (last, *ends) if last else ends

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """SGLang `serving_base.py::create_streaming_error_response`: spaced like `json.dumps`; what ends every stream follows it too."""
        error = _error(503, "The request queue is full.", "SERVICE_UNAVAILABLE")
        if kind != "overloaded":
            error = _error(500, message, "INTERNAL_SERVER_ERROR")
        told = (Frame(f"data: {json.dumps({'error': error})}\n\n".encode(), "error"),)
        done = Frame(DONE, "done")
        if not self._chat.include_usage:
            return told, (done,)
        return told, (Frame(sse(self._usage_event(started=kind != "overloaded")), "usage"), done)

    def whole(self, text: str, ending: Ending) -> bytes:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "reasoning_content": None},
            "logprobs": None,
            "finish_reason": ending.finish,
            "matched_stop": None,
        }
        version = {"version": "default", "start": 0, "end": self._tokens}
        metadata = {"weight_version": "default", "weight_versions": [version]}
        return compact({**self._start, "object": "chat.completion", "choices": [choice], "usage": self._usage(), "metadata": metadata})

    def _usage_event(self, *, started: bool = True) -> dict[str, object]:
        return {**self._start, "choices": [], "usage": self._usage() if started else _counts(0, 0, 0)}

    def _usage(self) -> dict[str, object]:
        return _counts(len(self._chat.prompt), self._tokens + self._chat.extra_tokens, self._reasoning_tokens)


def _counts(prompt: int, answer: int, reasoning: int) -> dict[str, object]:
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + answer,
        "completion_tokens": answer,
        "prompt_tokens_details": None,
        "reasoning_tokens": reasoning,
        "completion_tokens_details": {"reasoning_tokens": reasoning} if reasoning else None,
    }


def _choice(*, finish: str | None = None, reasoning_content: str | None = None, **delta: str) -> dict[str, object]:
    return {
        "index": 0,
        "delta": {"reasoning_content": reasoning_content, **delta},
        "logprobs": None,
        "finish_reason": finish,
        "matched_stop": None,
    }
