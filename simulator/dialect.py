"""What differs between the engines on the wire: requests in, heads, frames and errors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from email.utils import formatdate
from typing import ClassVar, Protocol

import orjson

from simulator.batch_loop import BatchLoop
from simulator.batching import Batching
from simulator.clock import Clock
from simulator.faults import Fault
from simulator.options import Capacity, Options
from simulator.own_metrics import NativeMetrics
from simulator.reply import Reply
from simulator.truth import ChatTruth

JSON = "application/json"


def compact(value: object) -> bytes:
    """JSON without spaces, keys in the order given, as the engines write it in their streams."""
    return orjson.dumps(value)


def sse(value: object) -> bytes:
    """One server-sent event with JSON data."""
    return b"data: " + compact(value) + b"\n\n"


DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event or line of a stream. `kind` and `tokens` are for the ground truth."""

    payload: bytes
    kind: str
    tokens: int = 0


Group = tuple[Frame, ...]
"""Frames that the engine hands to the kernel in one write."""


class Answered(Exception):  # noqa: N818 - it is an answer, not an error of the simulator
    """The request is answered at once and whole, by `reply`, instead of by a stream."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Head:
    """What a response head says; each engine's server writes it in its own way. `length` None means a chunked body."""

    status: int
    content_type: str | None = None
    length: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat request, understood.

    `prompt` is its tokens after the chat template; an empty one asks only that the model be loaded (Ollama). `extra_tokens` is added to every
    count of answer tokens. `objection` is why the request is invalid, where the engine says so inside the stream (TGI). `context_tokens` is the
    context that it is to have, and `too_long` the answer to a prompt that does not fit into it, which comes once the model is in memory (Ollama).
    """

    path: str
    model: str
    prompt: tuple[str, ...]
    max_tokens: int
    exact_length: bool = False
    stream: bool = True
    include_usage: bool = False
    continuous_usage: bool = False
    stream_interval: int = 1
    salt: str = ""
    keep_alive_seconds: float | None = None
    extra_tokens: int = 0
    objection: str | None = None
    context_tokens: int | None = None
    too_long: Reply | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What the engine has spent on a chat until now: nanoseconds for the prompt and since the first token, and prompt tokens found in the cache."""

    prompt_ns: int = 0
    generation_ns: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one or more tokens that share a chunk."""

    text: str
    tokens: int = 1
    reasoning: bool = False
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a chat ended: `finish` is `stop`, `length` or `abort`; the rest is what engines can tell of it, times in nanoseconds."""

    finish: str
    total_ns: int = 0
    load_ns: int = 0
    queue_ns: int = 0
    prompt_ns: int = 0
    generation_ns: int = 0
    cached_tokens: int = 0


class Form(Protocol):
    """How one chat is worded. It counts the tokens that pass, so each piece is given to it once and in order."""

    def role(self) -> Group:
        """A chunk with the role alone."""
        ...

    def opening(self) -> Group:
        """What the engine sends just before the first token, if anything."""
        ...

    def token(self, piece: Piece) -> Group:
        """A chunk in mid-stream."""
        ...

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        """The last chunk, if there is one, with all that follows it up to the terminal marker."""
        ...

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """An error inside the stream; `kind` is TGI's `error_type`."""
        ...

    def whole(self, text: str, ending: Ending) -> bytes:
        """The body for a request without `stream`; all tokens have passed before."""
        ...


Page = Callable[[], Reply]


class Dialect(Protocol):
    """One engine: its wire format, and what else of it is not as with the others.

    `content_type` is that of its JSON. `idle_seconds` is how long the server keeps an idle connection open.
    `comment` is the keep-alive comment of its streams, `comment_seconds` how often a silent stream gets one.
    `head_waits` says that the response head goes out with the first frame. `faults` are those that it can show, of the
    ones that not every engine can. `books_room` says that a request takes the room for its longest answer in the KV
    cache at once. `part_tokens` is after how many tokens an answer is queued again; None if it never is.
    """

    name: ClassVar[str]
    content_type: ClassVar[str] = JSON
    idle_seconds: float
    comment: bytes = b""
    comment_seconds: float | None = None
    head_waits: bool = False
    faults: ClassVar[frozenset[type[Fault]]] = frozenset()
    books_room: ClassVar[bool] = False
    part_tokens: ClassVar[int | None] = None

    def __init__(self, options: Options, clock: Clock) -> None: ...

    def metrics(self) -> NativeMetrics:
        """Its own metrics, new and at 0."""
        ...

    def capacity(self, options: Options) -> Capacity:
        """How much it can hold."""
        return options.capacity

    def full(self, batching: Batching, limit: int) -> bool:
        """Whether it turns a further request away, where `limit` is how many may wait."""
        return len(batching.waiting) >= limit

    def in_memory(self, chat: Chat, truth: ChatTruth, *, fails: bool) -> AbstractAsyncContextManager[BatchLoop | None]:
        """Holds the chat's model in memory; entering it waits until the model is there, and gives its batch where it has one of its own.

        Raises `Answered` where the model cannot be loaded: `fails` says that a load does not succeed.
        """
        return nullcontext()

    def head(self, head: Head) -> bytes:
        """The response head, byte for byte."""
        ...

    def stream_head(self, chat: Chat) -> Head: ...

    def pages(self) -> Mapping[tuple[str, str], Page]:
        """(method, path) of everything that is no chat."""
        ...

    def asked(self, path: str, body: bytes) -> Reply | None:
        """The answer to a POST that is no chat; None where it knows no such path."""
        return None

    def whole_type(self, chat: Chat) -> str:
        """The content type of an answer that is no stream."""
        return self.content_type

    @property
    def chat_paths(self) -> frozenset[str]: ...

    def guarded(self, path: str) -> bool:
        """Whether the API key is asked for."""
        ...

    def accepts(self, authorization: str, key: str) -> bool:
        """Whether a header `Authorization` shows the key; its scheme is read without regard to case."""
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and given == key

    def read(self, path: str, body: bytes) -> Chat:
        """Understand a chat request. Raises `Answered`."""
        ...

    def form(self, chat: Chat, request_id: str) -> Form: ...

    def lost(self, method: str, path: str) -> Reply:
        """The answer to a path or a method that the engine does not know."""
        ...

    def unauthorized(self) -> Reply: ...

    def forbidden(self) -> Reply: ...

    def model_missing(self, path: str, model: str) -> Reply: ...

    def overloaded(self, chat: Chat) -> Reply | None:
        """The answer of an engine that is full; None if it says so inside the stream."""
        ...

    def invalid(self, objection: str) -> Reply:
        """The answer to a request with an objection that asked for no stream."""
        ...

    def failed(self, path: str) -> Reply:
        """An internal error before the stream."""
        ...


def http_date(wall_ns: int) -> str:
    """The `Date` header's value."""
    return formatdate(wall_ns // 1_000_000_000, usegmt=True)


def object_of(body: bytes) -> dict[str, object]:
    """The JSON object of a request. Raises `ValueError` (orjson's or ours) for anything else."""
    value = orjson.loads(body)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def messages_of(value: object) -> list[tuple[str, str]]:
    """(role, content) of each message; content in parts is joined. Raises `ValueError` for what is no list of messages."""
    if not isinstance(value, list):
        raise ValueError("messages must be a list")
    turns: list[tuple[str, str]] = []
    for message in value:
        if not isinstance(message, dict):
            raise ValueError("a message must be an object")
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        turns.append((str(message.get("role", "user")), str(content)))
    return turns


def whole_number(value: object) -> int | None:
    """`value` if it is an integer, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
