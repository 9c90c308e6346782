"""vLLM 0.32 on the wire: uvicorn's heads, one event a token, usage and `[DONE]` at the end.

Order and shape of the events: vLLM `serving.py::chat_completion_stream_generator`.
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
from simulator.text import render_chat
from simulator.uvicorn import uvicorn_head
from simulator.vllm_metrics import VllmMetrics

VERSION = "0.32.0"
FINGERPRINT = f"vllm-{VERSION}-460fd652"
_NOT_JSON = "{'type': 'json_invalid', 'loc': 'body.0', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting value'}}"


class Vllm(Dialect):
    """vLLM's OpenAI-compatible server."""

    name = "vllm"
    idle_seconds = 5.0
    comment = b": keep-alive\n\n"
    faults = frozenset({faults.Overloaded, faults.Comments, faults.TokensPerChunk, faults.FinalUsageOnly, faults.Abort, faults.Reasoning})
    chat_paths = frozenset({"/v1/chat/completions"})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def metrics(self) -> VllmMetrics:
        return VllmMetrics(self._options)

    def head(self, head: Head) -> bytes:
        return uvicorn_head(head, self._clock.wall_ns())

    def stream_head(self, chat: Chat) -> Head:
        return Head(200, "text/event-stream; charset=utf-8")

    def pages(self) -> Mapping[tuple[str, str], Page]:
        healthy = Reply(200)
        return {
            ("GET", "/health"): lambda: healthy,
            ("GET", "/ping"): lambda: healthy,
            ("POST", "/ping"): lambda: healthy,
            ("GET", "/version"): lambda: Reply(200, compact({"version": VERSION}), JSON),
            ("GET", "/load"): lambda: Reply(200, compact({"server_load": 0}), JSON),
            ("GET", "/v1/models"): self._models,
        }

    def _models(self) -> Reply:
        now = self._clock.wall_ns() // 1_000_000_000
        permission = {
            "object": "model_permission",
            "created": now,
            "allow_create_engine": False,
            "allow_sampling": True,
            "allow_logprobs": True,
            "allow_search_indices": False,
            "allow_view": True,
            "allow_fine_tuning": False,
            "organization": "*",
            "group": None,
            "is_blocking": False,
        }
        cards = [
            {
                "id": model,
                "object": "model",
                "created": now,
                "owned_by": "vllm",
                "root": self._options.models[0],
                "parent": None,
                "max_model_len": self._options.capacity.context_tokens,
                "permission": [{"id": f"modelperm-{secrets.token_hex(8)}", **permission}],
            }
            for model in self._options.models
        ]
        return Reply(200, compact({"object": "list", "data": cards}), JSON)

    def guarded(self, path: str) -> bool:
        return path.startswith("/v1")

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = object_of(body)
        except ValueError:
            raise Answered(self._invalid(_NOT_JSON, "body.0")) from None
        model = str(asked.get("model") or self._options.models[0])
        if model not in self._options.models:
            raise Answered(self.model_missing(path, model))
        if "messages" not in asked:
            detail = f"{{'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of {len(asked)} items>'}}"
            raise Answered(self._invalid(detail, "body.messages"))
        try:
            prompt = tuple(render_chat(messages_of(asked["messages"])))
        except ValueError:
            detail = f"{{'type': 'list_type', 'loc': 'body.messages', 'msg': 'Input should be a valid list', 'input': {asked['messages']!r}}}"
            raise Answered(self._invalid(detail, "body.messages")) from None
        wanted = whole_number(asked.get("max_completion_tokens"))
        wanted = whole_number(asked.get("max_tokens")) if wanted is None else wanted
        room = self._room(len(prompt), wanted)
        usage = asked.get("stream_options")
        usage = usage if isinstance(usage, dict) else {}
        include_usage = bool(usage.get("include_usage"))
        return Chat(
            path=path,
            model=model,
            prompt=prompt,
            max_tokens=room if wanted is None else min(wanted, room),
            exact_length=bool(asked.get("ignore_eos")),
            stream=bool(asked.get("stream")),
            include_usage=include_usage,
            continuous_usage=include_usage and bool(usage.get("continuous_usage_stats")),
            stream_interval=max(1, whole_number(asked.get("stream_interval")) or 1),
            salt=str(asked.get("cache_salt") or ""),
        )

    def _room(self, prompt_tokens: int, wanted: int | None) -> int:
        """How many tokens the answer may have; more that fit the model but not beside the prompt are not refused. Raises `Answered`."""
        limit = self._options.capacity.context_tokens
        if wanted is not None and wanted < 1:
            message = f"max_tokens must be at least 1, got {wanted}. (parameter=max_tokens, value={wanted})"
            raise Answered(_error(400, message, "BadRequestError", "max_tokens"))
        if wanted is not None and wanted > limit:
            message = f"max_tokens={wanted} cannot be greater than max_model_len={limit}. Please request fewer output tokens."
            raise Answered(_error(400, f"{message} (parameter=max_tokens, value={wanted})", "BadRequestError", "max_tokens"))
        if prompt_tokens >= limit:
            message = (
                f"This model's maximum context length is {limit} tokens. However, your prompt contains at least {limit + 1} input tokens, which "
                "exceeds this limit even without any output tokens. Please reduce the length of the input prompt. "
                f"(parameter=input_tokens, value={limit + 1})"
            )
            raise Answered(_error(400, message, "BadRequestError", "input_tokens"))
        return limit - prompt_tokens

    def form(self, chat: Chat, request_id: str) -> VllmForm:
        return VllmForm(chat, f"chatcmpl-{request_id}", self._clock.wall_ns() // 1_000_000_000, own_times=self._options.per_request_metrics)

    def lost(self, method: str, path: str) -> Reply:
        if path in self.chat_paths:
            return Reply(405, compact({"detail": "Method Not Allowed"}), JSON, (("allow", "POST"),))
        return Reply(404, compact({"detail": "Not Found"}), JSON)

    def unauthorized(self) -> Reply:
        """vLLM `authenticate.py::AuthenticationMiddleware`: the one error that is a string."""
        return Reply(401, compact({"error": "Unauthorized"}), JSON)

    def forbidden(self) -> Reply:
        return _error(403, "Forbidden", "PermissionDeniedError", None)

    def model_missing(self, path: str, model: str) -> Reply:
        message = f"The model `{model}` does not exist. Valid aliases: {', '.join(self._options.models)}."
        return _error(404, message, "NotFoundError", "model")

    def overloaded(self, chat: Chat) -> Reply:
        return _error(503, "Too many queued requests.", "Service Unavailable", None)

    def invalid(self, objection: str) -> Reply:
        return _error(400, objection, "BadRequestError", None)

    def failed(self, path: str) -> Reply:
        return _error(500, "EngineCore encountered an issue.", "InternalServerError", None)

    def _invalid(self, detail: str, param: str) -> Reply:
        return _error(400, f"1 validation error:\n  {detail}", "Bad Request", param)


def _error(status: int, message: str, kind: str, param: str | None) -> Reply:
    return Reply(status, compact({"error": {"message": message, "type": kind, "param": param, "code": status}}), JSON)


class VllmForm:
    """One chat as `chat.completion.chunk` events; `created` is the same second on all of them. `own_times`: the engine tells how long it took."""

    def __init__(self, chat: Chat, chat_id: str, created: int, *, own_times: bool) -> None:
        self._chat = chat
        self._own_times = own_times
        self._tokens = 0
        self._start = {"id": chat_id, "object": "chat.completion.chunk", "created": created, "model": chat.model}

    def role(self) -> Group:
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        event = {**self._start, "choices": [choice], **self._running_usage(), "prompt_token_ids": None, "prompt_text": None}
        return (Frame(sse(event), "role"),)

    def opening(self) -> Group:
        return self.role()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        choice = {"index": 0, "delta": _delta(piece), "logprobs": None, "finish_reason": None, "token_ids": None}
        event = {**self._start, "choices": [choice], **self._running_usage()}
        return (Frame(sse(event), "reasoning" if piece.reasoning else "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        piece = piece or Piece("", 0)
        self._tokens += piece.tokens
        choice = {
            "index": 0,
            "delta": _delta(piece),
            "logprobs": None,
            "finish_reason": ending.finish,
            "stop_reason": None,
            "token_ids": None,
        }
        event = {**self._start, "choices": [choice], **self._running_usage()}
        done = Frame(DONE, "done")
        if not self._chat.include_usage:
            return (Frame(sse({**event, "system_fingerprint": FINGERPRINT}), "finish", piece.tokens),), (done,)
        usage = {**self._start, "choices": [], "usage": self._usage(), "system_fingerprint": FINGERPRINT}
        if self._own_times:
            usage["metrics"] = self._times(ending)
        return (Frame(sse(event), "finish", piece.tokens),), (Frame(sse(usage), "usage"), done)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """vLLM `create_streaming_error_response`: spaced like `json.dumps`, then the marker all the same."""
        error = json.dumps({"error": {"message": message, "type": "InternalServerError", "param": None, "code": 500}})
        return (Frame(f"data: {error}\n\n".encode(), "error"),), (Frame(DONE, "done"),)

    def whole(self, text: str, ending: Ending) -> bytes:
        message = {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "annotations": None,
            "audio": None,
            "function_call": None,
            "reasoning": None,
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": ending.finish,
            "stop_reason": None,
            "token_ids": None,
            "routed_experts": None,
        }
        answer = {
            **self._start,
            "object": "chat.completion",
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": FINGERPRINT,
            "usage": {**self._usage(), "prompt_tokens_details": None, "completion_tokens_details": None},
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "prompt_text": None,
            "kv_transfer_params": None,
            "ec_transfer_params": None,
            "metrics": self._times(ending) if self._own_times else None,
        }
        return compact(answer)

    def _times(self, ending: Ending) -> dict[str, float]:
        """vLLM `generate/base/serving.py::build_per_request_timing_metrics`: the first token is timed from the end of the queue."""
        times = {
            "time_to_first_token_ms": ending.prompt_ns / 1e6,
            "generation_time_ms": ending.generation_ns / 1e6,
            "queue_time_ms": ending.queue_ns / 1e6,
        }
        if self._tokens > 1:
            times["mean_itl_ms"] = ending.generation_ns / 1e6 / (self._tokens - 1)
        return {**times, "tokens_per_second": self._tokens * 1e9 / (ending.prompt_ns + ending.generation_ns)}

    def _usage(self) -> dict[str, int]:
        prompt = len(self._chat.prompt)
        tokens = self._tokens + self._chat.extra_tokens
        return {"prompt_tokens": prompt, "total_tokens": prompt + tokens, "completion_tokens": tokens}

    def _running_usage(self) -> dict[str, object]:
        if not self._chat.continuous_usage:
            return {}
        return {"usage": {**self._usage(), "completion_tokens_details": None}}


def _delta(piece: Piece) -> dict[str, str]:
    return {"reasoning" if piece.reasoning else "content": piece.text}
