"""A disk that is full, or slow, while a run is written."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.events import BlockBegun, BlockEnded, End, LevelBegun, RunBegun, RunEnded
from bench.results import writing
from bench.results.files import LinesFile, put
from bench.results.folders import run_folders
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import open_run
from bench.results.writing import Ending
from tests.bench.results.runs import LEVEL, SUMMARY, TARGETS, begun, block, ended
from tests.exporter.chats import STARTED_AT, chat
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "chatprobe-test", disk], check=False).returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@contextmanager
def no_file_longer_than(size_bytes: int) -> Iterator[None]:
    """The kernel's limit for this process (setrlimit(2)): what stands beyond it is cut off, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_becomes_full_costs_what_does_not_fit_and_no_more(small_disk: Path) -> None:
    said: list[str] = []
    writer = begun(small_disk, warn=said.append)
    writer(RunBegun(TARGETS))
    writer(LevelBegun(LEVEL, 2, 2))
    writer(BlockBegun(block(1), STARTED_AT))
    for _ in range(1_000):
        writer(ended(chat(tokens=200), block(1)))
    writer(BlockEnded(block(1), STARTED_AT + 10))
    writer(RunEnded(End.DONE))
    manifest = writer.finish(Ending(at=STARTED_AT + 60, summarise=lambda _: SUMMARY))
    kept = manifest.files["records.ndjson"]
    assert kept.lines + kept.lost == 1_000
    assert 0 < kept.lines < 1_000
    run = open_run(writer.folder)
    assert run.manifest == manifest
    assert (run.state, run.whole) == (State.COMPLETE, False)
    assert f"{kept.lost} lines could not be kept, of records.ndjson: {kept.lost}" in run.doubts
    assert len(list(run.chats())) == kept.lines
    assert [entry.ended_at is not None for entry in run.manifest.blocks] == [True]
    assert json.loads((writer.folder / "summary.json").read_bytes()) == SUMMARY.json
    assert "the disk takes no more (No space left on device)" in said[0]
    assert not list(writer.folder.glob(".*"))


def test_a_disk_that_is_full_at_the_begin_is_said_before_the_run(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 1_500_000)
    with pytest.raises(ResultsError, match="No space left on device; free space, or give another place with --output-dir"):
        begun(small_disk)
    assert run_folders(small_disk) == []


def test_what_does_not_fit_leaves_nothing_of_itself_behind(tmp_path: Path) -> None:
    file = LinesFile(tmp_path / "lines")
    file.append(b"whole")
    with no_file_longer_than(10):
        with pytest.raises(OSError, match="File too large") as raised:
            file.append(b"too long")
        file.append(b"fit")
    file.append(b"again")
    file.close()
    assert raised.value.errno == errno.EFBIG
    assert (tmp_path / "lines").read_bytes() == b"whole\nfit\nagain\n"
    assert (file.lines, file.size_bytes) == (3, 16)


def test_a_file_is_the_old_one_where_the_new_one_does_not_fit(tmp_path: Path) -> None:
    put(tmp_path / "file", b"old")
    with no_file_longer_than(10), pytest.raises(OSError, match="File too large"):
        put(tmp_path / "file", b"a new one that is longer")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_slow_disk_holds_nobody_and_costs_what_finds_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "QUEUED", 3)
    go_on, busy = threading.Event(), threading.Event()
    whole_append = LinesFile.append

    def slow_append(file: LinesFile, line: bytes) -> None:
        busy.set()
        assert go_on.wait(PATIENCE_SECONDS)
        whole_append(file, line)

    monkeypatch.setattr(LinesFile, "append", slow_append)
    said: list[str] = []
    writer = begun(tmp_path, warn=said.append)
    writer(ended(chat(), block(1)))
    assert busy.wait(PATIENCE_SECONDS)
    for _ in range(10):
        writer(ended(chat(), block(1)))
    assert "the disk takes less than the run brings" in said[0]
    go_on.set()
    writer(RunEnded(End.DONE))
    manifest = writer.finish(Ending(at=STARTED_AT))
    assert (manifest.files["records.ndjson"].lines, manifest.lost) == (4, 7)
    assert open_run(writer.folder).doubts == ("7 lines could not be kept, of records.ndjson: 7",)


def test_a_disk_that_hangs_does_not_hold_the_end_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CLOSING_SECONDS", 0.01)
    go_on = threading.Event()
    monkeypatch.setattr(LinesFile, "append", lambda _file, _line: go_on.wait(PATIENCE_SECONDS))
    writer = begun(tmp_path)
    writer(ended(chat(), block(1)))
    writer(RunEnded(End.DONE))
    manifest = writer.finish(Ending(at=STARTED_AT))
    go_on.set()
    assert manifest.lost == 1
    assert not open_run(writer.folder).whole
