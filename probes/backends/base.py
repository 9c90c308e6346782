"""What a wire form is: a request out, frames in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from probes.ask import Ask
from probes.failure import Reason
from probes.own_account import Native

Framing = Literal["sse", "ndjson"]

DONE = re.compile(rb"\[ *[Dd][Oo][Nn][Ee] *\]")
"""The terminal marker of OpenAI's streams, in whatever letter case."""


class FrameError(ValueError):
    """A frame that the engine's protocol does not know. The text says what was wrong with it, or what was there: of any
    length, and with our secrets, if the engine repeats them.
    """


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a chat was refused, by a status or inside the stream.

    `detail` is what the engine said, word for word. It may be of any length, and hold our secrets if the engine repeats
    them.
    """

    reason: Reason
    detail: str


class Event(NamedTuple):
    """What one frame says. A frame that says nothing of interest (a role, a comment) is an empty event."""

    text: str = ""
    """Answer text."""
    reasoning: str = ""
    """Reasoning text (vLLM `delta.reasoning`, Ollama `thinking`)."""
    tool_text: str = ""
    """Names and arguments of tools that are called."""
    is_token: bool = False
    """The frame is one token whatever its text (a TGI token event without `finish_reason`)."""
    running_tokens: int | None = None
    """Running usage of a frame with choices (vLLM `continuous_usage_stats`)."""
    output_tokens: int | None = None
    """The engine's total, from a frame that closes the stream."""
    reasoning_tokens: int | None = None
    """How many of the total were reasoning, shown or not."""
    input_tokens: int | None = None
    finish_reason: str | None = None
    refusal: Refusal | None = None
    """An error, or a finish reason that is no end of an answer."""
    done: bool = False
    """The terminal marker."""
    created_ns: int | None = None
    """The server's own wall-clock stamp of this frame (Ollama `created_at`), nanoseconds since the epoch."""
    native: Native | None = None

    @property
    def has_text(self) -> bool:
        return bool(self.text or self.reasoning or self.tool_text)

    @property
    def text_bytes(self) -> int:
        """Bytes of all text, as UTF-8. Tokens are made of bytes: a letter of another script may be several of them."""
        text = self.text + self.reasoning + self.tool_text
        return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


class WireForm(Protocol):
    """One API by which an engine is chatted with. Stateless: one instance serves every chat.

    It travels to the measuring worker by its class, which must be importable there. `path` is where chats are posted, `framing` how the answer is cut
    into frames, `content_type` the media type that a good answer has. `marker` matches in every terminal marker, for a first cheap look.
    `varying` are the fields in which an answer's frames of text differ: those with the text or a number of tokens, and those that `read` passes over.
    """

    path: str
    framing: Framing
    content_type: str
    marker: re.Pattern[bytes]
    varying: tuple[str, ...]

    def __hash__(self) -> int:
        """Of the instance: what its frames have in common is found once for all chats (`probes.likeness`)."""
        ...

    def body(self, ask: Ask) -> dict[str, object]:
        """The request's JSON object."""
        ...

    def read(self, frame: bytes) -> Event:
        """Read one frame (the data of one SSE event, or one NDJSON line). Raises `FrameError`, and nothing else,
        whatever the frame is.
        """
        ...

    def refuse(self, status: int, body: bytes) -> Refusal:
        """Why an answer with this status, which is not 2xx, was none. `body` may be empty or cut short."""
        ...
