"""What traffic tells whoever listens: chats that ended, chats that were not sent, and what a target turned out to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from probes.record import ChatRecord

UNKNOWN_MODEL = "unknown"
"""Stands for the model of a target that has none configured, until its engine has listed one."""


class SkipReason(StrEnum):
    """Why a chat that was due was not sent: a closed list."""

    TARGET_BUSY = "target_busy"
    """As many chats as allowed were open to this target; it hangs, so this counts against its SLOs."""
    GLOBAL_CAP = "global_cap"
    """As many chats as allowed were open to all targets together."""
    MODEL_NOT_LOADED = "model_not_loaded"
    """The engine would have had to load the model, and nobody allowed that."""
    MISSED = "missed"
    """chatprobe itself was held up until the next chat of the same scenario was due."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A chat that was due and was not sent. `at` is seconds since the epoch."""

    target: str
    scenario: str
    reason: SkipReason
    at: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a target beside its chats; None where it is not known, or where the question does not arise.

    `model` is the name that its chats ask for, `served_model` the one that the engine itself gives.
    """

    target: str
    model: str = UNKNOWN_MODEL
    served_model: str | None = None
    backend_version: str | None = None
    model_loaded: bool | None = None


Event = ChatRecord | Skip | Facts
Sink = Callable[[Event], None]
"""Takes each event as it comes, on the event loop: it must not block, and takes no notice of events that are not its business."""


def to_all(sinks: Iterable[Sink]) -> Sink:
    """A sink that passes each event on to all of these, in order."""
    audience = tuple(sinks)

    def tell(event: Event) -> None:
        for sink in audience:
            sink(event)

    return tell
