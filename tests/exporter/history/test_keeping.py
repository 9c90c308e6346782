"""The history on disk, and what becomes of it when the disk is no good."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.model import Config
from exporter.history.database import APPLICATION_ID, Bounds, Database
from exporter.history.keeping import Keeping
from exporter.history.kept import Kept, Wanted
from exporter.history.persisting import Persisting
from exporter.history.ring import Room
from exporter.history.tally import Summary
from exporter.history.timeline import HOUR, MINUTE
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.scrape import CONFIG
from tests.exporter.scrape import config as parsed
from tests.traffic.fakes import SECOND_NS, FakeClock
from tests.waiting import eventually

Logs = list[MutableMapping[str, Any]]
Opened = Callable[[Path | None], AbstractAsyncContextManager[Keeping]]


def settings(path: Path | None, more: str = "") -> Config:
    return parsed(CONFIG if path is None else f"{CONFIG}history: {{path: {path}{more}}}\n")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opened(clock: FakeClock) -> Opened:
    @asynccontextmanager
    async def kept(path: Path | None) -> AsyncIterator[Keeping]:
        keeping = Keeping(settings(path), clock)
        await keeping.configure(settings(path))
        try:
            yield keeping
        finally:
            await keeping.close()

    return kept


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def written(path: Path, chats: int) -> None:
    await eventually(
        lambda: path.exists() and rows(path, "SELECT name FROM sqlite_master") != [] and rows(path, "SELECT count(*) FROM chats") == [(chats,)]
    )


def move(clock: FakeClock, seconds: float) -> None:
    clock.now_ns += round(seconds * SECOND_NS)


async def test_it_outlasts_the_process(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    async with opened(path) as first:
        for number in range(10):
            first.history(chat(ttft_ms=50 + number, request_id=str(number)))
            move(clock, 20)
        first.history(failed(Reason.CONNECT, request_id="10"))
        before = first.history.window("vllm", None, HOUR)
        held = first.history.find(Wanted())
    assert first.lost == 0
    async with opened(path) as second:
        await eventually(lambda: len(second.history.find(Wanted())) == 11)
        assert second.history.find(Wanted()) == held
        after = second.history.window("vllm", None, HOUR)
        assert (after.count, after.failures, after.goodput) == (before.count, before.failures, before.goodput)
        assert after.quantiles("ttft") == before.quantiles("ttft")
        second.history(chat(request_id="11"))
        assert [one.record["request_id"] for one in second.history.find(Wanted(limit=2))] == ["11", "10"]
    async with opened(path) as third:
        await eventually(lambda: third.history.window("vllm", None, HOUR).count == 12)


async def test_without_a_path_nothing_is_written(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(None) as keeping:
        keeping.history(chat())
        assert await keeping.search(Wanted()) == keeping.history.find(Wanted())
        assert await keeping.chat(1) is None
    assert names(tmp_path) == []


async def test_what_memory_has_no_room_for_is_found_on_disk(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.history.keeping.Room", lambda: Room(chats=4))
    path = tmp_path / "history.sqlite"
    async with opened(path) as keeping:
        for number in range(10):
            keeping.history(chat(request_id=str(number), target=("vllm", "tgi")[number % 2]))
        await written(path, 10)
        assert len(keeping.history.find(Wanted())) == 2
        found = await keeping.search(Wanted(limit=6))
        assert [one.record["request_id"] for one in found] == ["9", "8", "7", "6", "5", "4"]
        older = await keeping.search(Wanted(target="tgi", before=found[-1].number))
        assert [one.record["request_id"] for one in older] == ["3", "1"]
        assert await keeping.chat(older[-1].number) == older[-1]
        assert await keeping.chat(5) is None
        assert await keeping.search(Wanted(failed=True)) == []


async def test_of_each_target_some_are_taken_up_again(opened: Opened, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.sqlite"
    async with opened(path) as first:
        first.history(chat(target="quiet"))
        for _ in range(100):
            first.history(chat(target="busy"))
    monkeypatch.setattr("exporter.history.keeping.Room", lambda: Room(chats=20))
    async with opened(path) as second:
        await eventually(lambda: len(second.history.find(Wanted())) == 6)
        assert [one.target for one in second.history.find(Wanted())] == ["busy"] * 5 + ["quiet"]


def ended(logs: Logs) -> list[str]:
    return [str(line["event"]).partition(",")[0] for line in logs]


async def test_a_locked_database_holds_nobody_up_and_is_told_twice(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    async with opened(path) as keeping:
        keeping.history(chat())
        await written(path, 1)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with capture_logs() as logs:
            begin = time.perf_counter()
            for _ in range(1000):
                keeping.history(chat())
            assert time.perf_counter() - begin < 1 + 1000 * 0.005, "it waits for the disk"
            await eventually(lambda: keeping.lost == 1000)
            assert len(keeping.history.find(Wanted(limit=2000))) == 1001
            holder.execute("COMMIT")
            holder.close()
            move(clock, 10)
            keeping.history(chat())
            await written(path, 2)
            await eventually(lambda: len(logs) == 2)
    assert ended(logs) == ["the history is not written", "the history is written again"]
    assert logs[0]["detail"] == "database is locked"
    assert logs[1]["lost"] == 1000


async def test_a_full_disk(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    async with opened(path) as keeping:
        keeping.history(chat())
        await written(path, 1)
    limited = sqlite3.connect(path)
    pages = limited.execute("PRAGMA page_count").fetchone()[0]
    limited.close()
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        open_ = Database.open.__func__  # type: ignore[attr-defined]

        def full(cls: type[Database], of: Path) -> Database:
            found: Database = open_(cls, of)
            found._connection.execute(f"PRAGMA max_page_count = {pages}")
            return found

        patch.setattr(Database, "open", classmethod(full))
        async with opened(path) as keeping:
            for _ in range(50):
                keeping.history(chat())
            await eventually(lambda: keeping.lost > 0)
            assert len(keeping.history.find(Wanted(limit=60))) >= 50
    assert ended(logs)[0] == "the history is not written"
    assert logs[0]["detail"] == "database or disk is full"


async def test_a_folder_that_is_not_there(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with capture_logs() as logs:
        async with opened(folder / "history.sqlite") as keeping:
            keeping.history(chat())
            await eventually(lambda: keeping.lost == 2)
            folder.mkdir()
            move(clock, 10)
            keeping.history(chat())
            await written(folder / "history.sqlite", 1)
            await eventually(lambda: len(logs) == 2)
    assert ended(logs) == ["the history is not written", "the history is written again"]


async def test_a_place_that_takes_nothing(opened: Opened) -> None:
    async with opened(Path("/proc/history.sqlite")) as keeping:
        keeping.history(chat())
        await eventually(lambda: keeping.lost == 2)
        assert len(keeping.history.find(Wanted())) == 1
        assert await keeping.search(Wanted()) == keeping.history.find(Wanted())


async def test_a_damaged_one_is_set_aside(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    async with opened(path) as keeping:
        for _ in range(100):
            keeping.history(chat())
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with capture_logs() as logs:
        async with opened(path) as keeping:
            await eventually(lambda: len(logs) == 2)
            move(clock, 10)
            keeping.history(chat())
            await written(path, 1)
    assert ended(logs) == ["the history is not written", "the history was damaged", "the history is written again"]
    assert names(tmp_path) == ["history.sqlite", f"history.sqlite.damaged-{clock.epoch_seconds() - 10:.0f}"]


@pytest.mark.parametrize("content", [b"my diary\n" * 100, None], ids=["a text", "another program's database"])
async def test_files_of_others_are_left_alone(opened: Opened, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "precious"
    if content is None:
        connection = sqlite3.connect(path)
        connection.executescript("CREATE TABLE diary (day TEXT); INSERT INTO diary VALUES ('monday')")
        connection.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with capture_logs() as logs:
        async with opened(path) as keeping:
            keeping.history(chat())
            await eventually(lambda: keeping.lost == 2)
            assert len(keeping.history.find(Wanted())) == 1
    assert path.read_bytes() == before
    assert names(tmp_path) == [path.name]
    assert logs[0]["detail"] == "is no history of chatprobe, and is left as it is; name another file"


async def test_one_of_a_newer_version_is_left_alone(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 99; CREATE TABLE new (x)")
    connection.close()
    with capture_logs() as logs:
        async with opened(path) as keeping:
            await eventually(lambda: keeping.lost == 1)
    assert str(logs[0]["detail"]).startswith("was written by a newer chatprobe")


async def test_reloads_change_it_cleanly(opened: Opened, clock: FakeClock, tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    async with opened(None) as keeping:
        keeping.history(chat())
        for path in (one, other, one):
            await keeping.configure(settings(path))
            keeping.history(chat())
        await keeping.configure(settings(one, ", keep: 1h, size: 16MiB"))
        assert keeping._persisting is not None
        assert keeping._persisting.bounds == Bounds(HOUR, 30 * 86400.0, 16 * 2**20)
        await keeping.configure(settings(None))
        keeping.history(chat())
        assert len(keeping.history.find(Wanted())) == keeping.history.window("vllm", None, HOUR).count == 5
    assert rows(one, "SELECT count(*) FROM chats") == [(2,)]
    assert rows(other, "SELECT count(*) FROM chats") == [(1,)]
    assert keeping.lost == 0


def kept(number: int, target: str, *, failed: bool = False, size: int = 20_000) -> Kept:
    return Kept(number, float(number), target, "beat", failed, os.urandom(size))


def test_too_much_goes_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    database = Database.open(path)
    database.add_chat(kept(0, "quiet"))
    for number in range(1, 2001):
        database.add_chat(kept(number, "busy", failed=number <= 20))
    database.tidy(Bounds(1e9, 1e9, 16 * 2**20), 0)
    found = database.chats(Wanted(limit=10_000))
    assert 500 <= len(found) <= 800
    assert [one.number for one in found] == [*range(2000, 2000 - len(found) + 21, -1), *range(20, -1, -1)], "the busy one's oldest successes went"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 17 * 2**20
    database.close()
    assert path.stat().st_size <= 16 * 2**20


def test_too_old_goes_by_its_age(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "history.sqlite")
    for number in range(1200):
        database.add_chat(kept(number, "vllm", size=10))
        database.put_summary("vllm", "beat", Summary(float(number * 60), 60.0, ok=1))
    database.tidy(Bounds(100, 36_000, 2**30), 1200)
    assert [one.number for one in database.chats(Wanted(limit=2000))] == [*range(1199, 1099, -1)]
    assert len(list(database.summaries())) == 1200
    database.tidy(Bounds(100, 36_000, 2**30), 72_000)
    assert len(list(database.summaries())) == 601
    database.close()


def test_a_coarser_summary_stands_for_finer_ones(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "history.sqlite")
    fine = [Summary(number * MINUTE, MINUTE, ok=number, sketches={"ttft": b"12345678", "itl": b"1234567890"}) for number in range(20)]
    for summary in fine:
        database.put_summary("vllm", "beat", summary)
    coarse = Summary(0.0, 10 * MINUTE, 45, 7, {"connect": 2}, {"missed": 1}, {"quick": (9, 8)}, {"tgi": {"pairs": 2, "ttft": 1}}, {"ttft": b"abc"})
    database.put_summary("vllm", "beat", coarse)
    database.put_summary("tgi", "beat", fine[3])
    assert list(database.summaries()) == [(("tgi", "beat"), fine[3]), *((("vllm", "beat"), one) for one in (coarse, *fine[10:]))]
    database.close()


def test_a_queue_that_is_full_loses_and_counts(clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.history.persisting.QUEUED", 10)
    path = tmp_path / "history.sqlite"
    persisting = Persisting(path, Bounds(1e9, 1e9, 2**30), Room(), clock, lambda _: None)
    asyncio.run(written(path, 0))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for number in range(50):
        persisting.keep_chat(kept(number, "vllm"))
    assert persisting.lost >= 39
    holder.close()
    persisting.close()
