"""The closed list of faults that a simulated engine can show."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One kind of fault; its fields are its parameters, in the order in which they follow the name.

    `of_every_engine` is false where an engine's dialect must say that it can show it.
    """

    name: ClassVar[str]
    of_every_engine: ClassVar[bool] = True
    per_request: ClassVar[bool] = True

    @property
    def strikes_after(self) -> int | None:
        """After how many tokens it strikes; None for a fault that concerns the whole answer."""
        return None

    def __str__(self) -> str:
        values = [getattr(self, parameter.name) for parameter in fields(self)]
        return ":".join([self.name, *(format(value, "g") for value in values if value is not None)])


@dataclass(frozen=True)
class AfterTokens(Fault):
    """A fault that strikes in place of what would follow the first `after` tokens; where the answer is shorter, in place of its end."""

    after: int = 0

    @property
    def strikes_after(self) -> int | None:
        return self.after


@dataclass(frozen=True)
class Refuse(Fault):
    """Connections are refused for `seconds`, until cleared if none are given. Open connections are closed once their request is answered; the
    one that asked for this fault stays open, so that it can clear it."""

    name = "refuse"
    per_request = False
    seconds: float | None = None


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset (RST): before the response head, or after the first `after` tokens."""

    name = "reset"
    after: int | None = None

    @property
    def strikes_after(self) -> int | None:
        return self.after


@dataclass(frozen=True)
class SlowFirstToken(Fault):
    """The first token, and with it all others, comes `seconds` later than it should."""

    name = "slow-first-token"
    seconds: float = 1.0


@dataclass(frozen=True)
class NoFirstToken(Fault):
    """The request is taken, and no token ever comes."""

    name = "no-first-token"


@dataclass(frozen=True)
class Stall(AfterTokens):
    """The stream rests for `seconds` after `after` tokens; for ever if none are given."""

    name = "stall"
    after: int = 1
    seconds: float | None = None


@dataclass(frozen=True)
class Truncate(AfterTokens):
    """The stream ends cleanly after `after` tokens, with the end of the chunked body but without the terminal marker."""

    name = "truncate"
    after: int = 1


@dataclass(frozen=True)
class Cut(AfterTokens):
    """The connection is closed (FIN) after `after` tokens, in the middle of the chunked body."""

    name = "cut"
    after: int = 1


@dataclass(frozen=True)
class Error(AfterTokens):
    """After `after` tokens the engine reports an error, in its own form: inside the stream; Ollama before the first token by status 500."""

    name = "error"


@dataclass(frozen=True)
class Overloaded(Fault):
    """The engine turns the request away in its own form: vLLM 503, TGI 200 and an error in the stream, Ollama 503."""

    name = "overloaded"
    of_every_engine = False


@dataclass(frozen=True)
class LoadFailure(Fault):
    """A model that has to be loaded for the request is not: Ollama 500, with what its runner said."""

    name = "load-failure"
    of_every_engine = False


@dataclass(frozen=True)
class Garbage(AfterTokens):
    """After `after` tokens comes a frame that is not JSON, then the rest of the answer."""

    name = "garbage"


@dataclass(frozen=True)
class EndlessLine(AfterTokens):
    """After `after` tokens begins a line that does not end before `megabytes` of it were sent; then the connection is closed."""

    name = "endless-line"
    megabytes: int = 16


@dataclass(frozen=True)
class Unauthorized(Fault):
    """401, in the engine's form."""

    name = "unauthorized"


@dataclass(frozen=True)
class Forbidden(Fault):
    """403; without a body from Ollama, whose host check answers so."""

    name = "forbidden"


@dataclass(frozen=True)
class NotFound(Fault):
    """404 in the engine's form; TGI, which knows no wrong model, answers it for a wrong path, without a body."""

    name = "not-found"


@dataclass(frozen=True)
class ServerError(Fault):
    """500 in the engine's form; TGI has 424 for a failed generation and 500 for one that ended early: this is the latter."""

    name = "server-error"


@dataclass(frozen=True)
class Router503(Fault):
    """503 with an HTML page, as a router without a ready pod behind it sends."""

    name = "router-503"


@dataclass(frozen=True)
class Redirect(Fault):
    """307 to another path."""

    name = "redirect"


@dataclass(frozen=True)
class ContentType(Fault):
    """A good stream whose content type is `text/html`."""

    name = "content-type"


@dataclass(frozen=True)
class SlowHeaders(Fault):
    """The response head drips, one line every `seconds`."""

    name = "slow-headers"
    seconds: float = 0.1


@dataclass(frozen=True)
class Comments(Fault):
    """A keep-alive comment whenever the stream was silent for `seconds`, in the engine's form (vLLM `--sse-keep-alive-interval`)."""

    name = "comments"
    of_every_engine = False
    seconds: float = 0.05


@dataclass(frozen=True)
class TokensPerChunk(Fault):
    """`count` tokens in each chunk; the last may have fewer."""

    name = "tokens-per-chunk"
    of_every_engine = False
    count: int = 4


@dataclass(frozen=True)
class Split(Fault):
    """Each chunk in two segments, `seconds` apart."""

    name = "split"
    seconds: float = 0.005


@dataclass(frozen=True)
class Coalesce(Fault):
    """`count` chunks in each segment, sent when the last of them is due."""

    name = "coalesce"
    count: int = 4


@dataclass(frozen=True)
class NoUsage(Fault):
    """No token counts, though they were asked for."""

    name = "no-usage"


@dataclass(frozen=True)
class LateUsage(Fault):
    """The frame with the final token counts comes `seconds` after the last token; not where that token's own frame has them (`/generate_stream`)."""

    name = "late-usage"
    seconds: float = 0.5


@dataclass(frozen=True)
class WrongUsage(Fault):
    """Each count of answer tokens, running or final, is `extra` too high."""

    name = "wrong-usage"
    extra: int = 7


@dataclass(frozen=True)
class FinalUsageOnly(Fault):
    """Counts at the end only, though `continuous_usage_stats` was asked for."""

    name = "final-usage-only"
    of_every_engine = False


@dataclass(frozen=True)
class Abort(AfterTokens):
    """After `after` tokens the engine gives the request up: an ordinary end with `finish_reason` `abort`."""

    name = "abort"
    of_every_engine = False
    after: int = 1


@dataclass(frozen=True)
class Empty(Fault):
    """The answer ends as it should, but has no token."""

    name = "empty"


@dataclass(frozen=True)
class EarlyRole(Fault):
    """A chunk with the role alone is sent with the head, long before the first token."""

    name = "early-role"


@dataclass(frozen=True)
class Reasoning(Fault):
    """The first `tokens` tokens are reasoning, not answer."""

    name = "reasoning"
    of_every_engine = False
    tokens: int = 8


@dataclass(frozen=True)
class SilentEnd(AfterTokens):
    """Ollama's silent truncation: after `after` tokens a clean end, without a `done` line and without an error."""

    name = "silent-end"
    of_every_engine = False
    after: int = 1


FAULTS: dict[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        Refuse,
        Reset,
        SlowFirstToken,
        NoFirstToken,
        Stall,
        Truncate,
        Cut,
        Error,
        Overloaded,
        LoadFailure,
        Garbage,
        EndlessLine,
        Unauthorized,
        Forbidden,
        NotFound,
        ServerError,
        Router503,
        Redirect,
        ContentType,
        SlowHeaders,
        Comments,
        TokensPerChunk,
        Split,
        Coalesce,
        NoUsage,
        LateUsage,
        WrongUsage,
        FinalUsageOnly,
        Abort,
        Empty,
        EarlyRole,
        Reasoning,
        SilentEnd,
    )
}
"""The closed list, by name."""
