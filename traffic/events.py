"""What traffic tells its sinks: chats that ended, chats that were not sent, facts of a target, breakers, and pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from probes.ask import UNKNOWN_MODEL
from probes.load import LoadFailure
from probes.record import ChatRecord


class SkipReason(StrEnum):
    """Why a chat that was due was not sent. The list is closed."""

    BREAKER = "breaker"
    """The target has served no chat for a while, and is tried only now and then. This counts against its SLOs."""
    TARGET_BUSY = "target_busy"
    """As many chats as allowed were open to this target. It hangs, so this counts against its SLOs."""
    GLOBAL_CAP = "global_cap"
    """As many chats as allowed were open to all targets together."""
    TOKEN_BUDGET = "token_budget"
    """The tokens of an hour are spent, or kept for the chats that are open."""
    LOAD_SHARE = "load_share"
    """Others use the engine, and chatprobe's share of its work was above what is allowed for a scenario that yields."""
    MODEL_NOT_LOADED = "model_not_loaded"
    """The engine would have had to load the model, or does not tell whether it would, and nobody allowed that."""
    LOADS_MODEL = "loads_model"
    """Chats before this one had the engine load the model although it was in memory, and nobody allowed that."""
    LOADING = "loading"
    """The engine loads the model, which was allowed, and the chat did not wait for that."""
    LOAD_FAILED = "load_failed"
    """The engine could not load the model a short while ago. It cannot serve it, so this counts against its SLOs."""
    INACTIVE = "inactive"
    """The scenario's calendar has no chats at that time."""
    MISSED = "missed"
    """chatprobe itself was held up until the next chat of the same scenario was due."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A chat that was due and was not sent, or `count` of them. `at` is seconds since the epoch."""

    target: str
    scenario: str
    reason: SkipReason
    at: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a target beside its chats. A fact that is not known, or that this engine does not have, is None.

    `model` is the name that chats ask for, `served_model` the one that the engine itself gives. `max_model_len` is how
    many tokens a prompt and its answer may have together. `left_out` are fields that requests go without since the
    engine refused them. `context_tokens` is the context of the model in memory, of an engine that loads on demand: None
    beside a true `model_loaded` means that the engine does not tell it. `held_back` says why chats are held back that
    had the engine load the model; None where they are not. `loading_since` is when the load began that is under way, in
    seconds since the epoch.
    """

    target: str
    model: str = UNKNOWN_MODEL
    served_model: str | None = None
    backend_version: str | None = None
    model_loaded: bool | None = None
    max_model_len: int | None = None
    left_out: tuple[str, ...] = ()
    context_tokens: int | None = None
    held_back: str | None = None
    loading_since: float | None = None

    @property
    def longest_chat(self) -> int | None:
        """How many tokens a prompt and its answer may have together: in the model in memory, where the engine loads it
        with a context of the chat's choice.
        """
        return self.max_model_len if self.context_tokens is None else self.context_tokens


@dataclass(frozen=True, slots=True)
class ModelLoad:
    """A load that chatprobe had a target's engine do apart from its chats, and that has ended.

    `failure` is why it failed, with what was said of it; None of one that succeeded.
    """

    target: str
    seconds: float
    failure: LoadFailure | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether chats with the target are held back because it serves none.

    Told after the target's first chat, and at each change.
    """

    target: str
    open: bool


@dataclass(frozen=True, slots=True)
class Side:
    """What became of one prompt at one of its targets. Exactly one of `record` and `skip` is set."""

    target: str
    record: ChatRecord | None
    skip: SkipReason | None


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt that was due at all targets of a scenario at the same instant, and is over at each of them."""

    scenario: str
    pair_id: str
    sides: tuple[Side, ...]


Event = ChatRecord | Skip | Facts | ModelLoad | Breaker | Pair
Sink = Callable[[Event], None]
"""Takes each event as it comes, on the event loop. It must not block, and passes over events that it has no use for."""


def to_all(sinks: Iterable[Sink]) -> Sink:
    """A sink that passes each event on to all of these, in order."""
    audience = tuple(sinks)

    def tell(event: Event) -> None:
        for sink in audience:
            sink(event)

    return tell
