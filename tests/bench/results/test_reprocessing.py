"""The summary of a run, made anew of its chats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.events import BlockBegun, End, LevelBegun
from bench.level import Level
from bench.results.importing import import_records
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import Run, open_run
from bench.results.reprocessing import reprocess
from bench.results.summarising import given_of, summarised
from bench.results.summary_files import Summarised
from bench.results.writing import Ending
from bench.summary.writing import from_json
from config.bench_slos import ChatSlo
from probes.numbers.number import Number
from tests.bench.engine_side import made
from tests.bench.results.runs import ABOUT, LOAD, TARGETS, begun, ended, small_run, written
from tests.bench.results.test_importing import of_serve, one
from tests.exporter.chats import STARTED_AT, chat

AT = STARTED_AT + 3600


def kill(folder: Path) -> None:
    """Have a run look as one whose process is gone."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["process"]["started_ticks"] = 1
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_statistics_are_given_the_whole_run(tmp_path: Path) -> None:
    run = open_run(written(tmp_path)[0])
    given = given_of(run, run.measured())
    assert (given.targets, given.models, given.caveats) == (TARGETS, ABOUT.models, ABOUT.caveats)
    assert [(measured.level.name, len(measured.chats), len(measured.blocks)) for measured in given.measured] == [("2 users", 20, 4)]
    assert (len(given.unsent), given.lost_records, given.part, given.paired) == (4, 0, None, True)
    assert (given.slos, given.lacking) == ([ChatSlo("chat", ttft_seconds=0.1)], ())


def test_a_summary_at_the_end_is_that_of_the_run_on_disk(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    for event in small_run():
        writer(event)
    writer.finish(Ending(at=STARTED_AT + 60, summarise=summarised))
    run = open_run(writer.folder)
    kept = json.loads((run.folder / "summary.json").read_bytes())
    assert kept == json.loads(json.dumps(summarised(run).json))
    summary = from_json(kept)
    assert (summary.targets, summary.part, [level.name for level in summary.levels]) == (TARGETS, None, ["2 users"])
    assert [target.counts.attempts for target in summary.levels[0].targets] == [6, 6]
    assert (run.folder / "summary.csv").read_text().startswith("level,target,measure,")


def test_a_run_that_cannot_be_read_has_no_summary_and_says_so(tmp_path: Path) -> None:
    def unreadable(_: Run) -> Summarised:
        raise ResultsError("records.ndjson:1: is no line of a run")

    writer = begun(tmp_path)
    for event in small_run():
        writer(event)
    manifest = writer.finish(Ending(at=STARTED_AT + 60, summarise=unreadable))
    assert manifest.problems == ("there is no summary, as the run cannot be read: records.ndjson:1: is no line of a run",)


def test_a_killed_run_gets_a_summary_of_its_part(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    for event in list(small_run())[:10]:
        writer(event)
    writer.native({"at": STARTED_AT, "target": "vllm", "running": 3})
    writer.settle()
    kill(writer.folder)
    reprocess(open_run(writer.folder), at=AT)
    run = open_run(writer.folder)
    assert run.state is State.KILLED
    assert from_json(json.loads((run.folder / "summary.json").read_bytes())).part == "the run was killed"
    assert (run.folder / "engines" / "vllm" / "native.ndjson").read_bytes() == (run.folder / "native.ndjson").read_bytes()
    assert not list(run.folder.glob(".room-*"))
    assert run.manifest.summarised_at is not None
    assert (run.manifest.summarised_at.timestamp(), run.manifest.summarised_by["chatprobe"]) == (AT, run.manifest.versions["chatprobe"])


def test_what_the_engines_told_of_a_killed_run_is_found(tmp_path: Path) -> None:
    of = made.block()
    writer = begun(tmp_path, replace(ABOUT, targets=("a",), models={"a": "tiny"}, engines={"a": {"backend": "vllm"}}))
    writer(LevelBegun(Level(made.LEVEL, {"a": LOAD}), 1, 1))
    writer(BlockBegun(of, STARTED_AT))
    for _ in range(100):
        writer(ended(chat(ttft_ms=800), of, since_seconds=10.0))
    numbers = {Number.QUEUE: made.observed(*[0.6] * 100), Number.TTFT: made.observed(*[0.8] * 100)}
    for reading in made.readings(numbers):
        writer.native(reading.to_json())
    writer.settle()
    kill(writer.folder)
    run = reprocess(open_run(writer.folder), at=AT)
    summary = json.loads((run.folder / "summary.json").read_bytes())
    [queue] = [finding for finding in summary["findings"] if finding["rule"] == "queue"]
    assert queue["figures"]["share"] == pytest.approx(0.75)
    assert json.loads(json.dumps(open_run(run.folder).manifest.findings)) == summary["findings"]


def test_reprocessing_changes_nothing_that_was_measured(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    measured = {name: (folder / name).read_bytes() for name in ("records.ndjson", "unsent.ndjson", "native.ndjson")}
    reprocess(open_run(folder), at=AT)
    assert {name: (folder / name).read_bytes() for name in measured} == measured
    assert open_run(folder).whole


def test_an_interrupted_run_says_that_it_is_a_part(tmp_path: Path) -> None:
    run = open_run(written(tmp_path, End.INTERRUPTED)[0])
    assert given_of(run, run.measured()).part == "the run was interrupted: for people"


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    run = open_run(begun(tmp_path).folder)
    with pytest.raises(ResultsError, match="is a run that goes on; it gets its summary when it ends"):
        reprocess(run, at=AT)


def test_native_metrics_that_were_spoilt_are_named(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    (folder / "native.ndjson").write_text('{"target": "vllm"}\nnonsense\n')
    with pytest.raises(ResultsError, match=r"native\.ndjson:2: is no line of a run"):
        reprocess(open_run(folder), at=AT)


def test_imported_records_can_be_summarised_and_are_no_pairs(tmp_path: Path) -> None:
    file = of_serve(tmp_path / "records", *(one(number, target=target) for number in range(20) for target in ("vllm", "tgi")))
    imported = import_records([file], tmp_path / "results", "serve")
    run = open_run(imported.folder)
    assert not given_of(run, run.measured()).paired
    reprocess(run, at=AT)
    summary = from_json(json.loads((run.folder / "summary.json").read_bytes()))
    assert [target.counts.ok for target in summary.levels[0].targets] == [20, 20]
    assert [row.winner for row in summary.comparisons if row.winner] == []


def test_statistics_that_break_cost_the_summary_and_not_the_run(tmp_path: Path) -> None:
    def broken(_: Run) -> Summarised:
        raise ZeroDivisionError

    writer = begun(tmp_path)
    for event in small_run():
        writer(event)
    with pytest.raises(ZeroDivisionError):
        writer.finish(Ending(at=STARTED_AT + 60, summarise=broken))
    run = open_run(writer.folder)
    assert run.state is State.COMPLETE
    assert run.doubts == (f"there is no summary, as making it was broken off; chatprobe results reprocess {run.name} makes it",)
    assert not list(run.folder.glob(".room-*"))
