"""What is asked of an engine, and where the engine is: the inputs of one chat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from probes.adaptation import Adaptation
from probes.guard import Guard
from probes.load import PATIENCE_SECONDS

Cache = Literal["cold", "warm"]
ConnectionPolicy = Literal["reuse", "fresh"]
TraceContext = Literal["sampled", "unsampled", "none"]
"""Whether a chat says by which trace id it is known (W3C Trace Context, `traceparent`), and whether it asks to be
recorded.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, as a check sees it; `output_tokens` and `finish_reason` are None where they cannot be told."""

    text: str
    output_tokens: int | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a check found: `check` is the name of the one that found it, `detail` is for people."""

    check: str
    detail: str


class TooSlowError(Exception):
    """A check did not come to its end in the time that it has: nothing is known of the answer. Its text says which check, for people."""


Check = Callable[[Reply], Wrong | None]
"""Looks at a whole answer and says what is wrong with it, or None. Raises `TooSlowError`."""


UNKNOWN_MODEL = "unknown"
"""Stands for a model's name that is not configured, and that the engine has not told."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One chat request, before an engine's adapter turns it into a body.

    `nonce` is set for cold chats only: a text that no earlier chat had, which keeps the engine's prefix cache out of the measurement.
    It holds letters and digits only, at most 128 (vLLM's `cache_salt` takes no more). `served_model` is the engine's own name for its model; None
    where that is not known, or where it has several and `model` is none of them.
    `fewest_tokens` is how few tokens an engine can count in the messages that has them whole; 0 where nothing is known.
    `context_tokens` is the context of the model in memory, for an engine that would load it anew for a chat with another
    one; None where there is no such engine, or where it is not known.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    prompt_id: str
    cache: Cache = "cold"
    nonce: str | None = None
    thinking: bool = False
    exact_length: bool = False
    seed: int = 1
    check: Check | None = None
    served_model: str | None = None
    trace_context: TraceContext = "sampled"
    context_tokens: int | None = None
    fewest_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server's certificate is checked, and which one we show. Paths are of PEM files.

    `edition` changes with the files' content: what was opened under an earlier one is not used any more.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure: bool = False
    edition: str = ""

    def superseded_by(self, other: Tls) -> bool:
        """Whether these are the same settings with earlier files."""
        return self != other and replace(self, edition=other.edition) == other


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One target: an engine at an address. `headers` and `api_key` are secrets and never shown (they are left out of `repr`).

    `guard` is set where others have named the target: it is reached directly, through no proxy, and at no address that the guard objects to.
    With `load_model` its engine may be asked to load the model, which may take `load_timeout_seconds`.
    `adaptation` is what the server wants otherwise than its engine's usual one.
    """

    name: str
    backend: str
    url: str
    model: str | None = None
    api: str = "chat"
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()
    load_model: bool = False
    load_timeout_seconds: float = PATIENCE_SECONDS
    guard: Guard | None = None
    adaptation: Adaptation = Adaptation()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of a chat may take, in seconds.

    `connect` runs from the start to the end of the TLS handshake, `first_token` from `sent`, `stall` from a token-bearing chunk
    to the next one or to the terminal marker, `total` from `started`.
    """

    connect_seconds: float = 5.0
    first_token_seconds: float = 30.0
    stall_seconds: float = 10.0
    total_seconds: float = 120.0
