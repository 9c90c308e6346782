"""Which runs there are, and which is meant."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.events import End, RunEnded
from bench.results.listing import chats_of, find_run, find_runs, size_bytes
from bench.results.problem import ResultsError
from bench.results.reading import Run
from bench.results.writing import Ending, begin
from tests.bench.results.runs import ABOUT, begun, block, ended, said, written
from tests.exporter.chats import STARTED_AT, chat

DAY = 86400


def run(results: Path, name: str, at: float) -> Path:
    writer = begin(results, replace(ABOUT, name=name), at=at, warn=said)
    writer(RunEnded(End.DONE))
    writer.finish(Ending(at=at))
    return writer.folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Four runs, three of one name, two of these begun in one second; and things that are none."""
    for name, days in (("nightly", 0), ("nightly", 1), ("nightly", 1), ("été", 2)):
        run(tmp_path, name, STARTED_AT + days * DAY)
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / ".importing-x").mkdir()
    (tmp_path / "test_link_20270101_000000").symlink_to(tmp_path / "test_nightly_20270115_080000")
    return tmp_path


def test_runs_are_listed_the_newest_first(results: Path) -> None:
    found = find_runs(results)
    assert [run.name for run in found.runs] == [
        "test_été_20270117_080000",
        "test_nightly_20270116_080000-2",
        "test_nightly_20270116_080000",
        "test_nightly_20270115_080000",
    ]
    assert found.unreadable == ()


def test_a_folder_that_should_be_a_run_and_cannot_be_read_is_told(results: Path) -> None:
    (results / "test_lost_20270101_000000").mkdir()
    found = find_runs(results)
    assert len(found.runs) == 4
    assert [line.partition(" has no manifest.json")[0] for line in found.unreadable] == [str(results / "test_lost_20270101_000000")]


def test_a_run_that_is_named_and_cannot_be_read_is_told_and_not_missed(results: Path) -> None:
    (results / "test_nightly_20270115_080000" / "manifest.json").write_text("{")
    with pytest.raises(ResultsError, match=r"test_nightly_20270115_080000/manifest.json:1: is no JSON"):
        find_run(results, "test_nightly_20270115_080000")
    with pytest.raises(ResultsError, match=r"has no run weekly; there are (?s:.*)\n.*/test_nightly_20270115_080000/manifest.json:1: is no JSON"):
        find_run(results, "weekly")


def test_where_there_is_no_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert find_runs(tmp_path / "none").runs == ()
    with pytest.raises(ResultsError, match=r"none is no folder; chatprobe bench quick makes runs below it, --output-dir gives another"):
        find_run(tmp_path / "none", "latest")
    with pytest.raises(ResultsError, match=r" has no run; chatprobe bench quick makes one, --output-dir gives another folder"):
        find_run(tmp_path, "latest")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("latest", "test_été_20270117_080000"),
        ("test_nightly_20270115_080000", "test_nightly_20270115_080000"),
        ("test_nightly_20270116_080000", "test_nightly_20270116_080000"),
        ("nightly_20270116_080000-2", "test_nightly_20270116_080000-2"),
        ("nightly_20270115", "test_nightly_20270115_080000"),
        ("été", "test_été_20270117_080000"),
        ("e\u0301t", "test_été_20270117_080000"),
    ],
)
def test_the_run_that_is_meant(results: Path, written: str, meant: str) -> None:
    assert find_run(results, written).name == meant


def test_a_run_is_meant_by_its_folder_wherever_it_is(results: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere, _ = written(tmp_path_factory.mktemp("elsewhere"))
    assert find_run(results, str(elsewhere)).folder == elsewhere


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("nightly", "nightly may be any of test_nightly_20270116_080000-2, test_nightly_20270116_080000, test_nightly_20270115_080000; write more"),
        ("weekly", "has no run weekly; there are test_été_20270117_080000, test_nightly"),
        ("a/b", "a/b is no folder with a manifest.json in it"),
        ("x" * 5000, "has no run xxxx"),
    ],
)
def test_what_means_no_run_or_several(results: Path, given: str, wrong: str) -> None:
    with pytest.raises(ResultsError, match=wrong):
        find_run(results, given)


def test_how_much_a_run_has(tmp_path: Path) -> None:
    folder, manifest = written(tmp_path)
    found = find_run(tmp_path, "latest")
    assert chats_of(found) == manifest.files["records.ndjson"].lines == 16
    assert size_bytes(folder) == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_vanishes_while_it_is_measured_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "engines" / "vllm").mkdir(parents=True)
    (tmp_path / "run" / "manifest.json").write_bytes(b"12345")
    listed = os.scandir

    def vanishing(path: str | Path) -> Any:
        if str(path).endswith("vllm"):
            shutil.rmtree(path, ignore_errors=True)
        return listed(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert size_bytes(tmp_path / "run") == 5
    assert not (tmp_path / "run" / "engines" / "vllm").exists()


def test_chats_of_a_run_that_goes_on_are_counted(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    for _ in range(3):
        writer(ended(chat(), block(1)))
    writer.settle()
    assert chats_of(find_run(tmp_path, "latest")) == 3


def test_a_run_that_was_killed_before_it_had_records_has_no_chats(tmp_path: Path) -> None:
    folder = begun(tmp_path).folder
    (folder / "records.ndjson").unlink()
    assert chats_of(find_run(tmp_path, "latest")) == 0


@pytest.mark.parametrize("name", ["manifest.json", "records.ndjson"])
def test_a_pipe_in_the_place_of_a_file_of_a_run_is_told_and_nothing_waits_for_it(results: Path, name: str) -> None:
    folder = find_run(results, "latest").folder
    (folder / name).unlink()
    os.mkfifo(folder / name)
    told = find_runs(results)
    problems = [*told.unreadable, *(doubt for found in told.runs if found.folder == folder for doubt in _said_of(found))]
    assert f"{folder / name} cannot be read: it is no regular file" in problems
    assert len(told.runs) >= 3, "the others are there"


def _said_of(run: Run) -> list[str]:
    try:
        list(run.records())
    except ResultsError as error:
        return [str(error)]
    return []
