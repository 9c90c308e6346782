"""One chat in the history, and which of them are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from probes.record import ChatRecord

LARGEST_BYTES = 256 * 1024
"""A record that is larger is kept without its chunks: one of some ten thousand chunks."""

_LONGEST_ID = 18
"""Digits: what SQLite's integers hold."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A chat that ended `ok` or `failed`.

    `number` tells it from all others, and grows with time. `at` is when it became known, in seconds since the epoch.
    `json` is the record as JSON.
    """

    number: int
    at: float
    target: str
    scenario: str
    failed: bool
    json: bytes

    @property
    def id(self) -> str:
        """The number as text, as pages and the API have it."""
        return str(self.number)

    @property
    def record(self) -> dict[str, Any]:
        """The record in the one shape of the command line, the API and exports."""
        found: dict[str, Any] = orjson.loads(self.json)
        return found


def keep(record: ChatRecord, number: int, at: float) -> Kept:
    """The record, to be kept."""
    json = orjson.dumps(record.to_json())
    if len(json) > LARGEST_BYTES:
        json = orjson.dumps(record.to_json(chunks=False))
    return Kept(number, at, record.target, record.scenario, record.outcome == "failed", _alone(json))


def _alone(json: bytes) -> bytes:
    """A copy in the room that it needs. orjson 3.13 gives 2 kB in a block of 32 kB, of which 8 kB stay in use for as long as it is held."""
    return bytes(memoryview(json))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which chats are asked for: the newest `limit` of those that are as it says, all older than the one with the number `before`."""

    target: str | None = None
    scenario: str | None = None
    failed: bool | None = None
    limit: int = 50
    before: int | None = None

    def includes(self, kept: Kept) -> bool:
        """Whether a chat is as it says."""
        return (
            self.target in (None, kept.target)
            and self.scenario in (None, kept.scenario)
            and self.failed in (None, kept.failed)
            and (self.before is None or kept.number < self.before)
        )


def read_id(written: str) -> int:
    """The number of an id. Raises `ValueError` for what is none."""
    if not written.isascii() or not written.isdigit() or len(written) > _LONGEST_ID:
        raise ValueError("is no id of a chat; take one from an answer before")
    return int(written)
