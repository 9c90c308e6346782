"""A run's folder, as its writer leaves it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.events import End, LevelBegun, RunBegun, RunEnded
from bench.level import Level
from bench.results import manifest as manifests
from bench.results.folders import run_folders
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import open_run
from bench.results.writing import Ending
from config.load import Arrival, Trace
from tests.bench.results.runs import ABOUT, LOAD, SUMMARY, TARGETS, begun, small_run, written
from tests.exporter.chats import STARTED_AT, chat


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_run_leaves_its_files(tmp_path: Path) -> None:
    folder, manifest = written(tmp_path)
    assert folder.name == f"test_nightly_{datetime.fromtimestamp(STARTED_AT, UTC):%Y%m%d_%H%M%S}"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "engines/team%2Ftgi/engine.json",
        "engines/team%2Ftgi/native.ndjson",
        "engines/team%2Ftgi/summary.json",
        "engines/vllm/engine.json",
        "engines/vllm/native.ndjson",
        "engines/vllm/summary.json",
        "manifest.json",
        "native.ndjson",
        "records.ndjson",
        "summary.csv",
        "summary.json",
        "unsent.ndjson",
    ]
    assert manifests.read(folder) == manifest
    assert (manifest.state, manifest.detail, manifest.lost, manifest.problems) == (State.COMPLETE, "for people", 0, ())
    assert open_run(folder).whole


def test_the_manifest_says_what_the_run_was(tmp_path: Path) -> None:
    _, manifest = written(tmp_path)
    assert manifest.about == ABOUT
    assert [(entry.block.number, entry.begun_at.timestamp(), entry.ended_at and entry.ended_at.timestamp()) for entry in manifest.blocks] == [
        (number, STARTED_AT + 10 * number, STARTED_AT + 10 * number + 10) for number in range(1, 5)
    ]
    assert [(level.name, level.rounds, level.blocks, level.loads[0].targets) for level in manifest.levels] == [("2 users", 2, 2, TARGETS)]
    assert manifest.process is not None
    assert manifest.process.pid == os.getpid()
    assert manifest.versions["chatprobe"]
    assert manifest.machine is not None
    assert manifest.machine.usable_cpus >= 1
    assert {name: (file.lines, file.lost) for name, file in manifest.files.items()} == {
        "records.ndjson": (16, 0),
        "unsent.ndjson": (8, 0),
        "native.ndjson": (2, 0),
    }
    assert (manifest.engines_after, manifest.health) == ({"vllm": {"version": "0.9.2"}}, {"lag_seconds": 0.001})


def test_a_line_of_a_record_is_the_record_with_its_place(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    line = lines(folder / "records.ndjson")[1]
    assert line.pop("bench") == {"level": "2 users", "round": 1, "block": 1, "since_seconds": 2.0, "warm_up": False}
    assert line.pop("cut") is False
    assert line == json.loads(json.dumps(chat(tokens=4).to_json()))
    assert [entry["cut"] for entry in lines(folder / "records.ndjson")[:4]] == [False, False, False, True]


def test_each_engine_has_a_folder_with_what_is_its_own(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    own = folder / "engines" / "vllm"
    assert json.loads((own / "engine.json").read_bytes()) == {"target": "vllm", "before": {"version": "0.9.1"}, "after": {"version": "0.9.2"}}
    assert lines(own / "native.ndjson") == [{"at": STARTED_AT, "target": "vllm", "running": 3}]
    summary = json.loads((own / "summary.json").read_bytes())
    assert [entry["target"] for entry in summary["levels"][0]["targets"]] == ["vllm"]
    assert [entry["b"] for entry in summary["comparisons"]] == ["team/tgi"]
    assert summary["comparisons"][0]["a"] == "vllm"
    assert json.loads((folder / "summary.json").read_bytes()) == SUMMARY.json


@pytest.mark.parametrize(
    ("end", "state"),
    [(End.DONE, State.COMPLETE), (End.ENOUGH, State.ENOUGH), (End.INTERRUPTED, State.INTERRUPTED), (End.FAILED, State.FAILED)],
)
def test_the_manifest_says_how_it_ended(tmp_path: Path, end: End, state: State) -> None:
    folder, _ = written(tmp_path, end)
    assert open_run(folder).state is state
    assert open_run(folder).whole == (state in (State.COMPLETE, State.ENOUGH))


def test_a_run_that_nobody_ended_has_failed(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    writer(RunBegun(TARGETS))
    assert writer.finish(Ending(at=STARTED_AT)).state is State.FAILED


def test_until_it_is_finished_it_is_running(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    for event in small_run():
        writer(event)
    writer.settle()
    run = open_run(writer.folder)
    assert (run.state, len(run.blocks), len(list(run.chats()))) == (State.RUNNING, 4, 20)
    assert run.part == "the run is still going on"
    writer.finish(Ending(at=STARTED_AT))
    assert open_run(writer.folder).state is State.COMPLETE


def test_runs_of_one_name_and_second_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: begun(tmp_path), range(8)))
    names = {writer.folder.name for writer in made}
    first = f"test_nightly_{datetime.fromtimestamp(STARTED_AT, UTC):%Y%m%d_%H%M%S}"
    assert names == {first, *(f"{first}-{again}" for again in range(2, 9))}
    for writer in made:
        writer(RunEnded(End.DONE))
        writer.finish(Ending(at=STARTED_AT))
    assert [open_run(folder).state for folder in run_folders(tmp_path)] == [State.COMPLETE] * 8


def test_a_name_in_any_script(tmp_path: Path) -> None:
    folder, _ = written(tmp_path, about=replace(ABOUT, name="Größe 大きい_é"))
    assert folder.name.startswith("test_Größe 大きい_é_2")
    assert open_run(folder).manifest.about.name == "Größe 大きい_é"


def test_a_trace_is_kept_whole(tmp_path: Path) -> None:
    trace = Trace((Arrival(0.0, 10, 20), Arrival(0.5, 11, 21, (1, 2))), speed=2.0, block_tokens=16)
    level = Level("trace", {"vllm": trace, "team/tgi": trace, "ollama": LOAD}, rounds=1, seconds=60.0)
    writer = begun(tmp_path)
    writer(LevelBegun(level, 1, 1))
    writer(RunEnded(End.DONE))
    writer.finish(Ending(at=STARTED_AT))
    assert [measured.level for measured in open_run(writer.folder).measured()] == [level]


def test_a_folder_that_cannot_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"file/results cannot be made a folder for results: Not a directory; give another with --output-dir"):
        begun(tmp_path / "file" / "results")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_to_write_is_said_before_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ResultsError, match="Permission denied"):
        begun(tmp_path)
