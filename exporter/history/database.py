"""The history in a SQLite database: chats and summaries, bounded by age and size."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import orjson

from exporter.history.kept import Kept, Wanted
from exporter.history.tally import Summary

APPLICATION_ID = 0x63_68_70_72
"""`chpr`: tells our files from other programs' (https://www.sqlite.org/fileformat2.html, section 1.3.11)."""
SCHEMA = 1
PATIENCE_SECONDS = 1.0
"""How long one statement waits for another program that holds the database."""
_HEAD_BYTES, _OWNER = 72, slice(68, 72)
_FOREIGN = "is no history of chatprobe, and is left as it is; name another file"
_CHATS_AT_ONCE = 500
"""So many chats are deleted in one transaction, so that nothing waits for long."""
_FREED_SHARE = 0.1
"""So much of the size is freed at once."""
_TABLES = """
CREATE TABLE IF NOT EXISTS chats (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, target TEXT NOT NULL, scenario TEXT NOT NULL, failed INTEGER NOT NULL,
    bytes INTEGER NOT NULL, json BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chats_of_a_kind ON chats (target, scenario, failed, number, bytes);
CREATE INDEX IF NOT EXISTS chats_by_outcome ON chats (failed, number);
CREATE INDEX IF NOT EXISTS chats_by_time ON chats (at);
CREATE TABLE IF NOT EXISTS summaries (
    target TEXT NOT NULL, scenario TEXT NOT NULL, start REAL NOT NULL, seconds REAL NOT NULL, json BLOB NOT NULL, sketches BLOB NOT NULL,
    PRIMARY KEY (target, scenario, start)
) STRICT, WITHOUT ROWID;
"""


class ForeignFileError(Exception):
    """The file is none of ours, and is left alone. The text says what it is."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long what is kept, in seconds, and how large the database may become."""

    keep_seconds: float
    count_seconds: float
    size_bytes: int


class Database:
    """One open database. It belongs to the thread that opened it. Whatever it does may raise `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open it, and create it where there is none. Raises `ForeignFileError`, and `OSError` where the file cannot be read."""
        _check_readable(path)
        found = cls(sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None))
        try:
            found._prepare()
        except BaseException:
            found.close()
            raise
        return found

    @classmethod
    def open_to_read(cls, path: Path) -> Database:
        """Open one that is there."""
        return cls(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE_SECONDS, isolation_level=None))

    def close(self) -> None:
        """What was written stays."""
        self._connection.close()

    def add_chat(self, kept: Kept) -> None:
        """Keep a chat."""
        values = (kept.number, kept.at, kept.target, kept.scenario, kept.failed, len(kept.json), kept.json)
        self._connection.execute("INSERT OR IGNORE INTO chats VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def put_summary(self, target: str, scenario: str, summary: Summary) -> None:
        """Keep a summary, in place of all within its span."""
        with self._transaction():
            span = (target, scenario, summary.start, summary.end)
            self._connection.execute("DELETE FROM summaries WHERE target = ? AND scenario = ? AND start >= ? AND start < ?", span)
            counted = orjson.dumps(_counted(summary))
            values = (target, scenario, summary.start, summary.seconds, counted, _joined(summary))
            self._connection.execute("INSERT INTO summaries VALUES (?, ?, ?, ?, ?, ?)", values)

    def newest(self, failed: bool, limit: int) -> list[Kept]:
        """So many chats that ended so, newest first; of each target and scenario an equal share."""
        kinds = self._connection.execute("SELECT DISTINCT target, scenario FROM chats WHERE failed = ?", (failed,)).fetchall()
        found = [kept for target, scenario in kinds for kept in self.chats(Wanted(target, scenario, failed, limit=max(limit // len(kinds), 1)))]
        return sorted(found, key=attrgetter("number"), reverse=True)

    def chats(self, wanted: Wanted) -> list[Kept]:
        """The chats that are asked for, newest first."""
        wishes = {"target = ?": wanted.target, "scenario = ?": wanted.scenario, "failed = ?": wanted.failed, "number < ?": wanted.before}
        given = {wish: value for wish, value in wishes.items() if value is not None}
        where = f" WHERE {' AND '.join(given)}" if given else ""
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM chats{where} ORDER BY number DESC LIMIT ?", (*given.values(), wanted.limit))
        return [_kept(row) for row in rows]

    def chat(self, number: int) -> Kept | None:
        """One chat; None where it is not kept."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM chats WHERE number = ?", (number,)).fetchone()
        return None if row is None else _kept(row)

    def summaries(self) -> Iterator[tuple[tuple[str, str], Summary]]:
        """All of them, by target and scenario, oldest first."""
        rows = self._connection.execute("SELECT target, scenario, start, seconds, json, sketches FROM summaries ORDER BY target, scenario, start")
        for target, scenario, start, seconds, counted, sketches in rows:
            yield (target, scenario), _summary(start, seconds, counted, sketches)

    def tidy(self, bounds: Bounds, now: float) -> None:
        """Delete what is too old, and where there is too much, the oldest of what takes most room."""
        while self._delete("at < ? ORDER BY number", (now - bounds.keep_seconds,)) == _CHATS_AT_ONCE:
            pass
        longest = max(bounds.keep_seconds, bounds.count_seconds)
        self._connection.execute("DELETE FROM summaries WHERE start + seconds < ?", (now - longest,))
        if self._used_bytes() > bounds.size_bytes:
            self._shrink_to(bounds.size_bytes * (1 - _FREED_SHARE))
        self._connection.executescript("PRAGMA incremental_vacuum;")  # `execute` takes a single step, which frees one page
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        self._check_ours()
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA journal_size_limit = 8388608")
        self._connection.executescript(f"BEGIN; {_TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; COMMIT;")

    def _check_ours(self) -> None:
        (owner,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if owner != APPLICATION_ID and self._connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
            raise ForeignFileError(_FOREIGN)
        if version > SCHEMA:
            raise ForeignFileError("was written by a newer chatprobe; name another file, or use that chatprobe")

    def _used_bytes(self) -> int:
        (pages,), (free,), (size,) = (self._connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    def _shrink_to(self, size_bytes: float) -> None:
        """Of what takes most room, the oldest goes first; failures have half of the room for themselves."""
        while self._used_bytes() > size_bytes:
            kinds = self._connection.execute("SELECT target, scenario, failed, sum(bytes) FROM chats GROUP BY target, scenario, failed").fetchall()
            if not kinds:
                return
            held = {failed: sum(one[3] for one in kinds if one[2] == failed) for failed in (0, 1)}
            fuller = 1 if held[1] > held[0] else 0
            target, scenario, failed, _ = max((one for one in kinds if one[2] == fuller), key=lambda one: one[3])
            self._delete("target = ? AND scenario = ? AND failed = ? ORDER BY number", (target, scenario, failed))

    def _delete(self, which: str, values: tuple[object, ...]) -> int:
        """Delete some of these chats. Gives how many."""
        some = f"SELECT number FROM chats WHERE {which} LIMIT {_CHATS_AT_ONCE}"
        return self._connection.execute(f"DELETE FROM chats WHERE number IN ({some})", values).rowcount

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


_COLUMNS = "number, at, target, scenario, failed, json"


def is_damaged(path: Path, error: sqlite3.Error) -> bool:
    """Whether an error means that a history of ours is damaged. Raises `OSError` if the file cannot be looked at."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and int.from_bytes(head[_OWNER]) == APPLICATION_ID


def set_aside(path: Path, now: float) -> Path:
    """Give a damaged database another name, so that a new one can begin. Gives the name. Raises `OSError`."""
    aside = path.with_name(f"{path.name}.damaged-{round(now)}")
    path.rename(aside)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return aside


def _check_readable(path: Path) -> None:
    """Raises `ForeignFileError` if the file is no database, and `OSError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return
    if head and not head.startswith(b"SQLite format 3\0") and int.from_bytes(head[_OWNER]) != APPLICATION_ID:
        raise ForeignFileError(_FOREIGN)


def _kept(row: tuple[int, float, str, str, int, bytes]) -> Kept:
    number, at, target, scenario, failed, json = row
    return Kept(number, at, target, scenario, bool(failed), json)


def _counted(summary: Summary) -> dict[str, object]:
    return {
        "ok": summary.ok,
        "output_tokens": summary.output_tokens,
        "failures": summary.failures,
        "skips": summary.skips,
        "slos": summary.slos,
        "pairs": summary.pairs,
        "sketches": {measure: len(packed) for measure, packed in summary.sketches.items()},
    }


def _joined(summary: Summary) -> bytes:
    return b"".join(summary.sketches.values())


def _summary(start: float, seconds: float, counted: bytes, sketches: bytes) -> Summary:
    told = orjson.loads(counted)
    lengths: dict[str, int] = told.pop("sketches")
    found, at = {}, 0
    for measure, length in lengths.items():
        found[measure] = sketches[at : at + length]
        at += length
    slos = {name: (attempts, good) for name, (attempts, good) in told.pop("slos").items()}
    return Summary(start, seconds, slos=slos, sketches=found, **told)
