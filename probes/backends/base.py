"""What a wire form is: a request out, frames in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from probes.ask import Ask
from probes.failure import Reason
from probes.record import Native

Framing = Literal["sse", "ndjson"]


class FrameError(ValueError):
    """A frame that the engine's protocol does not know; the text says what was wrong with it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a chat was refused, whether by a status or inside the stream. `detail` is what the engine said, as it said it: of any length, and with
    our secrets, if it repeats them.
    """

    reason: Reason
    detail: str


class Event(NamedTuple):
    """What one frame says. An empty event is a frame that says nothing of interest (a role, a comment)."""

    text: str = ""
    """Answer text."""
    reasoning: str = ""
    """Reasoning text (vLLM `delta.reasoning`, Ollama `thinking`)."""
    tool_text: bool = False
    """The frame carries tool-call text."""
    is_token: bool = False
    """The frame is one token whatever its text (a TGI token event without `finish_reason`)."""
    running_tokens: int | None = None
    """Running usage of a frame with choices (vLLM `continuous_usage_stats`)."""
    output_tokens: int | None = None
    """The engine's total, from a frame that closes the stream."""
    input_tokens: int | None = None
    finish_reason: str | None = None
    refusal: Refusal | None = None
    """An error event, or a finish reason that means one."""
    done: bool = False
    """The terminal marker."""
    created_ns: int | None = None
    """The server's own wall-clock stamp of this frame (Ollama `created_at`), nanoseconds since the epoch."""
    native: Native | None = None

    @property
    def has_text(self) -> bool:
        return bool(self.text or self.reasoning or self.tool_text)


class WireForm(Protocol):
    """One API by which an engine is chatted with. Stateless: one instance serves every chat.

    It travels to the measuring worker by its class, which must be importable there. `path` is where chats are posted, `framing` how the answer is cut
    into frames, `content_type` the media type that a good answer has. `marker` are bytes that every terminal marker holds, for a first cheap look.
    """

    path: str
    framing: Framing
    content_type: str
    marker: bytes

    def body(self, ask: Ask) -> dict[str, object]:
        """The request's JSON object."""
        ...

    def read(self, frame: bytes) -> Event:
        """Read one frame (the data of one SSE event, or one NDJSON line). Raises `FrameError`."""
        ...

    def refuse(self, status: int, body: bytes) -> Refusal:
        """Why an answer with this status, which is not 200, was none. `body` may be empty or cut short."""
        ...
