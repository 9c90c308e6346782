"""Why a chat failed: a closed list of reasons, exactly one for each failed chat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The closed list. Where two causes fall on the same instant, the one that stands first here is the reason."""

    DNS = "dns"
    """The host's name could not be resolved in time, or at all."""
    CONNECT = "connect"
    """No connection: refused, unreachable, too slow, or a proxy that would not open the tunnel."""
    TLS = "tls"
    """The handshake failed or took too long, or the certificate was not accepted."""
    AUTH = "auth"
    """401, 403 or 407."""
    MODEL_MISSING = "model_missing"
    """404 in the engine's own error form, or an error that says so."""
    OVERLOADED = "overloaded"
    """402, 429, 529; 503 in the engine's own error form; an error that says so, by a status or inside a stream."""
    UNAVAILABLE = "unavailable"
    """Any other 502, 503, 504, and Cloudflare's 520 to 524: a router without a ready pod behind it."""
    REJECTED = "rejected"
    """Any other 4xx, and 3xx: redirects are never followed."""
    SERVER_ERROR = "server_error"
    """Any other 5xx; a generation that failed before its first token: TGI's 424, and its words inside a 200."""
    MODEL_LOAD = "model_load"
    """The engine was to load the model before the chat, and could not, or not in time: the chat was not sent."""
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"
    """No first token in time."""
    STALLED = "stalled"
    """A gap after a token-bearing chunk that was longer than the stall timeout."""
    TIMEOUT = "timeout"
    """The whole chat took too long."""
    PROTOCOL = "protocol"
    """Not the stream that was asked for: something else with a good status, an unreadable frame, an endless line."""
    ERROR_IN_STREAM = "error_in_stream"
    """An error in whatever form after a token had come, or a finish reason that is no end of an answer."""
    TRUNCATED = "truncated"
    """The connection or the stream ended without the answer's end being told."""
    EMPTY = "empty"
    """The answer's end was told, but no token came."""
    VALIDATION = "validation"
    """The answer failed its check."""
    INTERNAL = "internal"
    """Our own fault; kept out of availability."""


_PRECEDENCE = {reason: place for place, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Failure:
    """One cause of failure: `at_ns` is when it struck, on the monotonic clock; `detail` is for people, and that of a record is short and holds
    no secret. `remedy` is what to do about it, for people, where that is known better than by the reason.
    """

    reason: Reason
    detail: str
    at_ns: int
    remedy: str | None = None


def first(causes: Iterable[Failure | None]) -> Failure | None:
    """The first cause in time; ties go by the order of `Reason`."""
    known = [cause for cause in causes if cause is not None]
    return min(known, key=lambda cause: (cause.at_ns, _PRECEDENCE[cause.reason]), default=None)
