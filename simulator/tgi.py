"""Text Generation Inference 3.3 on the wire: hyper's heads, an event a token with the role on each, errors inside the stream.

Shapes: TGI `router/src/server.rs::chat_completions` and `::generate_stream`, `chat.rs::ChatState::push`.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from simulator.options import Options
from simulator.reply import Reply
from simulator.text import render_chat, tokenize
from simulator.tgi_metrics import TgiMetrics

VERSION = "3.3.6-dev0"
TEXT = "text/plain; charset=utf-8"
CHAT = "/v1/chat/completions"
GENERATE = "/generate_stream"
SEED = 42
PART_TOKENS = 1024
"""TGI `validation.rs::DEFAULT_GENERATION_LENGTH`."""


class Tgi(Dialect):
    """TGI's router. It asks nothing of the model's name: any name is answered by the one model it has."""

    name = "tgi"
    idle_seconds = 3600.0
    comment = b":\n\n"
    comment_seconds = 15.0
    faults = frozenset({faults.Overloaded, faults.Comments})
    books_room = True
    part_tokens = PART_TOKENS
    chat_paths = frozenset({CHAT, GENERATE})

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def metrics(self) -> TgiMetrics:
        return TgiMetrics(self._options)

    def full(self, batching: Batching, limit: int) -> bool:
        """Its `--max-concurrent-requests` are all that it has taken on."""
        return len(batching.waiting) + len(batching.running) >= limit

    def accepts(self, authorization: str, key: str) -> bool:
        """The whole header is compared without regard to case (TGI `server.rs::start`)."""
        return super().accepts(authorization.lower(), key.lower())

    def head(self, head: Head) -> bytes:
        """hyper's order: the application's headers with those of its CORS layer, the framing, then the date."""
        lines = [f"HTTP/1.1 {head.status} {HTTPStatus(head.status).phrase}"]
        if head.content_type is not None:
            lines.append(f"content-type: {head.content_type}")
        lines += [f"{name}: {value}" for name, value in head.headers]
        if head.length is not None:
            lines.append(f"content-length: {head.length}")
        lines += ["access-control-allow-origin: *", "vary: origin, access-control-request-method, access-control-request-headers"]
        if head.closing:
            lines.append("connection: close")
        if head.length is None:
            lines.append("transfer-encoding: chunked")
        return "\r\n".join([*lines, f"date: {http_date(self._clock.wall_ns())}", "", ""]).encode()

    def stream_head(self, chat: Chat) -> Head:
        characters = str(sum(map(len, chat.prompt)))
        headers = (
            ("cache-control", "no-cache"),
            ("x-compute-type", "gpu+optimized"),
            ("x-compute-characters", characters),
            ("x-accel-buffering", "no"),
        )
        return Head(200, "text/event-stream", headers=headers)

    def pages(self) -> Mapping[tuple[str, str], Page]:
        healthy = Reply(200)
        return {
            ("GET", "/health"): lambda: healthy,
            ("GET", "/ping"): lambda: healthy,
            ("GET", "/"): lambda: healthy,
            ("GET", "/info"): self._info,
            ("GET", "/v1/models"): self._models,
        }

    def _info(self) -> Reply:
        info = {
            "model_id": self._options.models[0],
            "model_sha": None,
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": self._options.capacity.max_queue or 128,
            "max_best_of": 2,
            "max_stop_sequences": 4,
            "max_input_tokens": self._options.capacity.context_tokens - 1,
            "max_total_tokens": self._options.capacity.context_tokens,
            "validation_workers": 2,
            "max_client_batch_size": 4,
            "router": "text-generation-router",
            "version": VERSION,
            "sha": None,
            "docker_label": None,
        }
        return Reply(200, compact(info), JSON)

    def _models(self) -> Reply:
        model = self._options.models[0]
        card = {"id": model, "object": "model", "created": 0, "owned_by": model}
        return Reply(200, compact({"object": "list", "data": [card]}), JSON)

    def guarded(self, path: str) -> bool:
        return path in self.chat_paths

    def read(self, path: str, body: bytes) -> Chat:
        try:
            asked = object_of(body)
        except ValueError:
            raise Answered(Reply(400, b"Failed to parse the request body as JSON", TEXT)) from None
        return self._read_generate(asked) if path == GENERATE else self._read_chat(asked)

    def _read_chat(self, asked: dict[str, object]) -> Chat:
        try:
            prompt = tuple(render_chat(messages_of(asked.get("messages"))))
        except ValueError:
            text = b"Failed to deserialize the JSON body into the target type: missing field `messages`"
            raise Answered(Reply(422, text, TEXT)) from None
        usage = asked.get("stream_options")
        wanted = asked.get("max_tokens", asked.get("max_completion_tokens"))
        return Chat(
            path=CHAT,
            model=str(asked.get("model") or self._options.models[0]),
            prompt=prompt,
            max_tokens=self._longest_answer(prompt, wanted),
            objection=self._objection(prompt, wanted),
            stream=bool(asked.get("stream")),
            include_usage=isinstance(usage, dict) and bool(usage.get("include_usage")),
        )

    def _read_generate(self, asked: dict[str, object]) -> Chat:
        if not isinstance(asked.get("inputs"), str):
            text = b"Failed to deserialize the JSON body into the target type: missing field `inputs`"
            raise Answered(Reply(422, text, TEXT))
        prompt = tuple(tokenize(str(asked["inputs"])))
        parameters = asked.get("parameters")
        parameters = parameters if isinstance(parameters, dict) else {}
        return Chat(
            path=GENERATE,
            model=self._options.models[0],
            prompt=prompt,
            max_tokens=self._longest_answer(prompt, parameters.get("max_new_tokens")),
            objection=self._objection(prompt, parameters.get("max_new_tokens")),
            include_usage=bool(parameters.get("details")),
        )

    def _room(self, prompt: tuple[str, ...], wanted: object) -> int:
        room = self._options.capacity.context_tokens - len(prompt)
        number = whole_number(wanted)
        return room if number is None else number

    def _longest_answer(self, prompt: tuple[str, ...], wanted: object) -> int:
        """Whole parts, until there are as many tokens as wanted, or until the next does not fit (TGI `infer/mod.rs::generate_stream`).

        All the room where nothing is said: only then the last part is as short as it must be.
        """
        asked = max(1, self._room(prompt, wanted))
        if whole_number(wanted) is None:
            return asked
        part = tokens = min(asked, PART_TOKENS)
        while tokens < asked and len(prompt) + tokens + part <= self._options.capacity.context_tokens:
            tokens += part
        return tokens

    def _objection(self, prompt: tuple[str, ...], wanted: object) -> str | None:
        """TGI `validation.rs::validate_input`: only the first part of an answer must fit."""
        limit = self._options.capacity.context_tokens
        tokens = min(self._room(prompt, wanted), PART_TOKENS)
        if not prompt:
            return "Input validation error: `inputs` cannot be empty"
        if len(prompt) >= limit:
            return f"Input validation error: `inputs` must have less than {limit - 1} tokens. Given: {len(prompt)}"
        if tokens < 1:
            return "Input validation error: `max_new_tokens` must be strictly positive"
        if len(prompt) + tokens > limit:
            given = f"Given: {len(prompt)} `inputs` tokens and {tokens} `max_new_tokens`"
            return f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. {given}"
        return None

    def form(self, chat: Chat, request_id: str) -> Form:
        return TgiGenerateForm(chat) if chat.path == GENERATE else TgiChatForm(chat, self._clock)

    def lost(self, method: str, path: str) -> Reply:
        known = path in self.chat_paths or ("GET", path) in self.pages()
        return Reply(405, headers=(("allow", "POST" if path in self.chat_paths else "GET,HEAD"),)) if known else Reply(404)

    def unauthorized(self) -> Reply:
        return Reply(401)

    def forbidden(self) -> Reply:
        return Reply(403)

    def model_missing(self, path: str, model: str) -> Reply:
        return Reply(404)

    def overloaded(self, chat: Chat) -> Reply | None:
        """A full router says so inside the stream, after a 200; without a stream it answers 429."""
        return None if chat.stream else Reply(429, compact({"error": "Model is overloaded", "error_type": "overloaded"}), JSON)

    def invalid(self, objection: str) -> Reply:
        return Reply(422, compact({"error": objection, "error_type": "validation"}), JSON)

    def failed(self, path: str) -> Reply:
        return Reply(500, compact({"error": "Incomplete generation", "error_type": "incomplete_generation"}), JSON)


class TgiChatForm:
    """One chat as `chat.completion.chunk` events; `id` is always empty, `created` is of each event."""

    def __init__(self, chat: Chat, clock: Clock) -> None:
        self._chat = chat
        self._clock = clock
        self._tokens = 0

    def role(self) -> Group:
        return (Frame(self._event(""), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        return (Frame(self._event(piece.text), "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        piece = piece or Piece("", 0)
        self._tokens += piece.tokens
        last = (Frame(self._event(piece.text, ending.finish), "finish", piece.tokens),)
        done = (Frame(DONE, "done"),)
        if not self._chat.include_usage:
            return last, done
        return last, (Frame(sse({**self._start(), "choices": [], "usage": self._usage()}), "usage"),), done

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """TGI `infer/mod.rs::into_openai_event`: 422 whatever the cause."""
        return (Frame(sse({"error": {"message": message, "http_status_code": 422}}), "error"),), (Frame(DONE, "done"),)

    def whole(self, text: str, ending: Ending) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": ending.finish}
        return compact({**self._start("chat.completion"), "choices": [choice], "usage": self._usage()})

    def _start(self, kind: str = "chat.completion.chunk") -> dict[str, object]:
        created = self._clock.wall_ns() // 1_000_000_000
        return {"object": kind, "id": "", "created": created, "model": self._chat.model, "system_fingerprint": f"{VERSION}-native"}

    def _event(self, text: str, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": finish}
        return sse({**self._start(), "choices": [choice], "usage": None})

    def _usage(self) -> dict[str, int]:
        prompt = len(self._chat.prompt)
        tokens = self._tokens + self._chat.extra_tokens
        return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}


class TgiGenerateForm:
    """One `/generate_stream`: bare tokens, the whole text and its details on the last, and no marker after it."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._index = 0
        self._text = ""

    def role(self) -> Group:
        """There are no roles here: an event without text stands in for one."""
        return (Frame(self._event(Piece("", 0), None, None), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        return (Frame(self._event(piece, None, None), "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        piece = piece or Piece("", 0)
        event = self._event(piece, self._text + piece.text, self._details(ending.finish, piece.tokens))
        return ((Frame(event, "finish", piece.tokens),),)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        return ((Frame(sse({"error": message, "error_type": kind}), "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        return compact({"generated_text": text})

    def _details(self, finish: str, tokens: int) -> dict[str, object] | None:
        if not self._chat.include_usage:
            return None
        return {
            "finish_reason": "eos_token" if finish == "stop" else finish,
            "generated_tokens": self._index + tokens + self._chat.extra_tokens,
            "seed": SEED,
            "input_length": len(self._chat.prompt),
        }

    def _event(self, piece: Piece, generated: str | None, details: dict[str, object] | None) -> bytes:
        self._index += piece.tokens
        self._text += piece.text
        number = 2 if not piece.text else 1000 + sum(piece.text.encode())
        token = {"id": number, "text": piece.text, "logprob": -0.25, "special": not piece.text}
        return sse({"index": self._index, "token": token, "generated_text": generated, "details": details})
