"""Has the history written to its database by a thread of its own: whatever is wrong with the disk, probing goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import structlog

from exporter.history.database import Bounds, Database, ForeignFileError, is_damaged, set_aside
from exporter.history.kept import Kept
from exporter.history.ring import Room
from exporter.history.store import Past
from exporter.history.tally import Summary
from probes.background import Background
from traffic.schedule import Clock

QUEUED = 5_000
"""About 25 MB, if each chat has a hundred tokens."""
RETRIED_AFTER_NS = 5_000_000_000
"""How long nothing is tried after a failure: what comes meanwhile is lost at once, and holds nobody up."""
TIDIED_EVERY_NS = 60_000_000_000

_log = structlog.get_logger()
_Job = Callable[[Database], None]


class _NotWrittenError(OSError):
    """It was not written, for a reason that was logged."""


class Persisting:
    """The journal of a history. What cannot be written is lost and counted.

    `bounds` may be changed at any time. `restored` is called once, from the thread, with what was known before.
    """

    def __init__(self, path: Path, bounds: Bounds, room: Room, clock: Clock, restored: Callable[[Past], None]) -> None:
        self.path = path
        self.bounds = bounds
        self._room = room
        self._clock = clock
        self._restored: Callable[[Past], None] | None = restored
        self._database: Database | None = None
        self._failing = False
        self._retry_at_ns = self._tidied_at_ns = clock.monotonic_ns()
        self._writer: Background[_Job] = Background(self._do, at_most=QUEUED)
        self._writer.put(lambda _: None)  # opens it

    @property
    def lost(self) -> int:
        """Chats and summaries given up so far."""
        return self._writer.lost

    def keep_chat(self, kept: Kept) -> None:
        """Keep a chat. Never blocks."""
        self._writer.put(lambda database: database.add_chat(kept))

    def keep_summary(self, target: str, scenario: str, summary: Summary) -> None:
        """Keep a summary, in place of all within its span. Never blocks."""
        self._writer.put(lambda database: database.put_summary(target, scenario, summary))

    def close(self, within_seconds: float = 5.0) -> None:
        """Write what is queued, and end. What could not be written by then is given up. It blocks."""
        self._writer.put(self._finish)
        self._writer.close(within_seconds)

    def _do(self, job: _Job) -> None:
        """Do one job. Raises `OSError` where it is lost."""
        if self._failing and self._clock.monotonic_ns() < self._retry_at_ns:
            raise _NotWrittenError
        try:
            job(self._open())
            self._tidy()
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            self._fail(error)
            raise _NotWrittenError from error
        if self._failing:
            self._failing = False
            _log.info("the history is written again", file=str(self.path), lost=self.lost)

    def _open(self) -> Database:
        if self._database is None:
            self._database = Database.open(self.path)
            if self._restored is not None:
                self._restored(_past(self._database, self._room))
                self._restored = None
        return self._database

    def _tidy(self) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._database is not None and now_ns - self._tidied_at_ns >= TIDIED_EVERY_NS:
            self._tidied_at_ns = now_ns
            self._database.tidy(self.bounds, self._clock.epoch_seconds())

    def _finish(self, database: Database) -> None:
        """Close it in the thread that opened it, as SQLite wants."""
        database.tidy(self.bounds, self._clock.epoch_seconds())
        database.close()
        self._database = None

    def _fail(self, error: Exception) -> None:
        """Try no more for a while, and begin anew then. The first of several failures in a row is logged."""
        self._retry_at_ns = self._clock.monotonic_ns() + RETRIED_AFTER_NS
        if self._database is not None:
            self._database.close()
            self._database = None
        if not self._failing:
            self._failing = True
            _log.error("the history is not written, and goes on in memory", file=str(self.path), detail=_said(error))
        if isinstance(error, sqlite3.Error):
            self._set_aside_if_damaged(error)

    def _set_aside_if_damaged(self, error: sqlite3.Error) -> None:
        try:
            if is_damaged(self.path, error):
                aside = set_aside(self.path, self._clock.epoch_seconds())
                _log.error("the history was damaged, and a new one begins", file=str(self.path), set_aside=str(aside))
        except OSError:
            return  # that it cannot be written is logged


def _said(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _past(database: Database, room: Room) -> Past:
    chats = [kept for failed in (True, False) for kept in database.newest(failed, room.half_chats)]
    summaries = {key: [summary for _, summary in found] for key, found in groupby(database.summaries(), key=itemgetter(0))}
    return Past(chats, summaries)
