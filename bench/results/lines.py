"""What stands on a line of a run's files."""

from __future__ import annotations

from bench.chat import Chat
from bench.events import Unsent
from probes.record import ChatRecord

RECORDS = "records.ndjson"
UNSENT = "unsent.ndjson"
NATIVE = "native.ndjson"


def record_line(chat: Chat, record: ChatRecord) -> dict[str, object]:
    """A chat that was sent: its record, where in the run it stands, and whether the end cut it off."""
    return {**record.to_json(), "bench": chat.place.to_json(), "cut": chat.outcome == "cut"}


def unsent_attempt(chat: Chat) -> dict[str, object]:
    """A chat that was not sent because of its engine: an attempt that was not good."""
    return {
        "target": chat.target,
        "reason": chat.reason,
        "count": 1,
        "attempt": True,
        "prompt_id": chat.prompt_id,
        "pair_id": chat.pair_id,
        "model": chat.model,
        "bench": chat.place.to_json(),
    }


def unsent_line(unsent: Unsent) -> dict[str, object]:
    """Chats that were not sent for no fault of the engine's, and count neither way. `at` is seconds since the epoch."""
    block = unsent.block
    return {
        "target": unsent.target,
        "reason": unsent.reason,
        "count": unsent.count,
        "attempt": False,
        "at": unsent.at,
        "bench": {"level": block.level, "round": block.round, "block": block.number},
    }
