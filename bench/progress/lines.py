"""The progress of a run as plain lines, one for each block and target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from bench.chat import Chat
from bench.events import BlockBegun, BlockEnded, ChatEnded, Event, LevelBegun, RunEnded
from probes.wording import duration


class Lines:
    """A listener that says what each block brought, once it is over."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rounds = 0
        self._chats: list[Chat] = []

    def __call__(self, event: Event) -> None:
        match event:
            case LevelBegun():
                self._rounds = event.rounds
            case BlockBegun():
                self._chats = []
            case ChatEnded():
                self._chats.append(event.chat)
            case BlockEnded(block=block):
                for target in block.targets:
                    chats = [chat for chat in self._chats if chat.target == target]
                    self._say(f"{block.level}, round {block.round} of {self._rounds}, {target}: {told(chats)}")
            case RunEnded():
                self._say(f"the run is over: {event.end.value}{f' ({event.detail})' if event.detail else ''}")


def told(chats: list[Chat]) -> str:
    """What became of some chats, in a few words: `120 chats, 2 failed (connect), TTFT p50 45 ms, p95 80 ms`."""
    counted = [chat for chat in chats if chat.counts]
    parts = [f"{len(counted)} {'chat' if len(counted) == 1 else 'chats'}"]
    for outcome in ("failed", "unsent"):
        reasons = Counter(str(chat.reason) for chat in counted if chat.outcome == outcome)
        if reasons:
            parts.append(f"{reasons.total()} {outcome} ({', '.join(reason for reason, _ in reasons.most_common())})")
    if cut := sum(chat.outcome == "cut" for chat in chats):
        parts.append(f"{cut} cut off")
    ttft = [chat.ttft_seconds for chat in counted if chat.ttft_seconds is not None]
    if ttft:
        p50, p95 = np.quantile(ttft, [0.5, 0.95])
        parts.append(f"TTFT p50 {duration(p50)}, p95 {duration(p95)}")
    return ", ".join(parts)
