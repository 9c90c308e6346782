"""How one engine stands at the level that is measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bench.chat import Chat
from bench.measures import TPOT, TTFT, attempt
from bench.progress.sketch import Sketch

GONE_AFTER = 3
"""So many chats in a row that failed or could not be sent, and it is said."""


@dataclass(slots=True)
class Standing:
    """Its chats so far, those of warm-ups left out.

    `measured_seconds` is for how long it was measured in blocks that are over.
    """

    ttft: Sketch = field(default_factory=Sketch)
    tpot: Sketch = field(default_factory=Sketch)
    ok: int = 0
    cut: int = 0
    output_tokens: int = 0
    measured_seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.reasons.total()

    def take(self, chat: Chat) -> None:
        if chat.place.warm_up:
            return
        self.output_tokens += chat.output_tokens or 0
        if chat.outcome == "cut":
            self.cut += 1
        if not attempt(chat):
            return
        self.ok += chat.outcome == "ok"
        if chat.outcome != "ok":
            self.reasons["unsent" if chat.outcome == "unsent" else str(chat.reason)] += 1
        for measure, sketch in ((TTFT, self.ttft), (TPOT, self.tpot)):
            if (value := measure.of(chat)) is not None:
                sketch.add(value)

    def tokens_per_second(self, open_seconds: float) -> float | None:
        """Output tokens of the chats that are over, a second of the time that it was measured.

        `open_seconds` is what the block under way has added to that.
        """
        seconds = self.measured_seconds + open_seconds
        return self.output_tokens / seconds if seconds >= 1 and self.output_tokens else None


@dataclass(slots=True)
class Health:
    """Whether an engine serves, by its last chats, at whatever level."""

    bad: int = 0
    since: float | None = None
    """When it was said that it does not, in seconds since the epoch."""

    def take(self, chat: Chat, at: float) -> str | None:
        """What is to be said after this chat; None where nothing changed. A chat that was cut off says nothing."""
        if chat.outcome == "cut":
            return None
        if chat.outcome == "ok":
            gone, self.bad, self.since = self.since, 0, None
            return None if gone is None else f"chats with {chat.target} succeed again, after {at - gone:.0f} s"
        self.bad += 1
        if self.bad != GONE_AFTER:
            return None
        self.since = at
        why = "" if chat.reason is None else f" ({chat.reason})"
        return f"{GONE_AFTER} chats in a row with {chat.target} failed{why}"
