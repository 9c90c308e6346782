"""The closed list of faults that a simulated engine can show, and which request meets which of them."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from typing import ClassVar, TypeVar, get_type_hints

from probes.simulator.options import ENGINES, EngineName


class FaultError(ValueError):
    """A fault that is not on the list, has a wrong parameter, or that this engine cannot show."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault; its fields are its parameters, in the order in which they follow the name."""

    name: ClassVar[str]
    engines: ClassVar[tuple[EngineName, ...]] = ENGINES
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
    engines = ("vllm", "tgi")
    seconds: float = 0.05


@dataclass(frozen=True)
class TokensPerChunk(Fault):
    """`count` tokens in each chunk; the last may have fewer."""

    name = "tokens-per-chunk"
    engines = ("vllm", "ollama")
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
    engines = ("vllm",)


@dataclass(frozen=True)
class Abort(AfterTokens):
    """After `after` tokens the engine gives the request up: an ordinary end with `finish_reason` `abort`."""

    name = "abort"
    engines = ("vllm",)
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
    engines = ("vllm", "ollama")
    tokens: int = 8


@dataclass(frozen=True)
class SilentEnd(AfterTokens):
    """Ollama's silent truncation: after `after` tokens a clean end, without a `done` line and without an error."""

    name = "silent-end"
    engines = ("ollama",)
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


def signature(kind: type[Fault]) -> str:
    """How a fault is written, with its defaults: `stall:AFTER=1[:SECONDS]`."""
    parts = [kind.name]
    for parameter in fields(kind):
        default = "" if parameter.default in (None, MISSING) else f"={parameter.default}"
        parts.append(f"[:{parameter.name.upper()}{default}]")
    return "".join(parts)


def explain(kind: type[Fault]) -> str:
    """What a fault does, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def parse(text: str, engine: EngineName) -> Fault:
    """Read `NAME[:PARAM[:PARAM]]`. Raises `FaultError`, which names what is wrong and what is known."""
    name, *values = text.strip().split(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise FaultError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    if engine not in kind.engines:
        raise FaultError(f"{engine} cannot show the fault {name!r}; only {', '.join(kind.engines)}")
    parameters = fields(kind)
    if len(values) > len(parameters):
        raise FaultError(f"too many parameters in {text!r}; {name} is written {signature(kind)}")
    types = get_type_hints(kind)
    arguments = {}
    for parameter, value in zip(parameters, values, strict=False):
        number = int if types[parameter.name] in (int, int | None) else float
        try:
            arguments[parameter.name] = number(value)
        except ValueError:
            raise FaultError(f"{value!r} in {text!r} is not a number of {parameter.name}; {name} is written {signature(kind)}") from None
        if arguments[parameter.name] < 0:
            raise FaultError(f"{parameter.name} in {text!r} must not be below 0")
    if arguments.get("count") == 0:
        raise FaultError(f"count in {text!r} must be at least 1")
    return kind(**arguments)


_F = TypeVar("_F", bound=Fault)


class Plan:
    """The faults that one request meets, at most one of each kind."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = {type(fault): fault for fault in faults}

    def get(self, kind: type[_F]) -> _F | None:
        fault = self._faults.get(kind)
        return fault if isinstance(fault, kind) else None

    def strikes(self) -> list[tuple[int, Fault]]:
        """(after how many tokens, fault) for each fault that strikes once, in mid-stream."""
        return [(after, fault) for fault in self._faults.values() if (after := fault.strikes_after) is not None]

    def __contains__(self, kind: type[Fault]) -> bool:
        return kind in self._faults

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self._faults.values()))


@dataclass
class ActiveFault:
    """A fault in force: for all requests, the next `count` of them, or each with `probability`."""

    fault: Fault
    count: int | None = None
    probability: float = 1.0


class Faults:
    """The faults in force on one engine, changed while it runs. Which request meets one of probability below 1 depends on the seed alone."""

    def __init__(self, engine: EngineName, seed: int) -> None:
        self._engine = engine
        self._random = random.Random(seed)
        self.active: list[ActiveFault] = []

    def add(self, text: str, *, count: int | None = None, probability: float = 1.0) -> ActiveFault:
        """Put a fault in force. Raises `FaultError`."""
        fault = parse(text, self._engine)
        if count is not None and count < 1:
            raise FaultError("count must be at least 1")
        if not 0 < probability <= 1:
            raise FaultError("probability must lie above 0 and not above 1")
        if not fault.per_request and (count is not None or probability != 1):
            raise FaultError(f"{fault.name} concerns connections, not requests: it takes neither count nor probability")
        active = ActiveFault(fault, count, probability)
        self.active.append(active)
        return active

    def clear(self, name: str | None = None) -> None:
        """End all faults, or those of one name."""
        self.active = [active for active in self.active if name is not None and active.fault.name != name]

    def plan(self, header: str | None = None) -> Plan:
        """Choose the faults of the next request; `header` adds its own, several separated by commas. Raises `FaultError`."""
        own = [parse(text, self._engine) for text in header.split(",")] if header else []
        for fault in own:
            if not fault.per_request:
                raise FaultError(f"{fault.name} concerns connections, not one request")
        chosen: list[Fault] = []
        for active in self.active:
            if active.fault.per_request and (active.probability == 1 or self._random.random() < active.probability):
                chosen.append(active.fault)
                if active.count is not None:
                    active.count -= 1
        self.active = [active for active in self.active if active.count is None or active.count > 0]
        return Plan([*chosen, *own])
