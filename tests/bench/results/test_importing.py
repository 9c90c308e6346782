"""Records from elsewhere become a run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.results import importing
from bench.results.importing import import_records
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import open_run
from exporter.records import record_file
from probes.failure import Reason
from probes.record import ChatRecord
from tests.bench.results.runs import TARGETS, written
from tests.exporter.chats import STARTED_AT, chat, failed


def one(number: int, scenario: str = "heartbeat", target: str = "vllm", record: ChatRecord | None = None) -> ChatRecord:
    """A chat that began so many seconds after the first."""
    return replace(record or chat(), scenario=scenario, target=target, started_at=STARTED_AT + number, request_id=f"{scenario}-{target}-{number}")


def of_serve(path: Path, *records: ChatRecord) -> Path:
    """The file as `chatprobe serve --records` writes it."""
    with record_file(path) as sink:
        for record in records:
            sink(record)
    return path


def test_records_of_the_exporter_become_a_run_with_a_level_for_each_scenario(tmp_path: Path) -> None:
    file = of_serve(
        tmp_path / "records.ndjson",
        one(1, target="tgi"),
        one(0),
        one(5, scenario="chat"),
        one(7, scenario="chat", record=failed(Reason.CONNECT)),
    )
    imported = import_records([file], tmp_path / "results", "from-serve")
    assert (imported.folder.name, imported.chats, imported.twice) == ("test_from-serve_20270115_080000", 4, 0)
    run = open_run(imported.folder)
    assert (run.state, run.part, run.doubts) == (State.IMPORTED, None, ())
    assert (run.manifest.about.targets, run.manifest.imported_from) == (("tgi", "vllm"), ("records.ndjson",))
    heartbeat, talk = run.measured()
    assert [(each.level.name, len(each.chats)) for each in (heartbeat, talk)] == [("heartbeat", 2), ("chat", 2)]
    assert [(read.target, read.place.since_seconds, read.place.round) for read in heartbeat.chats] == [("tgi", 1.0, 1), ("vllm", 0.0, 1)]
    [block] = talk.blocks
    assert (block.number, block.targets) == (2, ("vllm",))
    assert block.seconds == pytest.approx(2 + 0.1)
    assert [read.reason for read in talk.chats] == [None, "connect"]


def test_files_of_one_exporter_become_one_run(tmp_path: Path) -> None:
    first = of_serve(tmp_path / "a", one(0), one(1))
    second = of_serve(tmp_path / "b", one(1), one(2))
    imported = import_records([first, second], tmp_path / "results", "both")
    assert (imported.chats, imported.twice) == (3, 1)


def test_records_of_a_run_keep_their_places(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    lines = [json.loads(line) for line in (folder / "records.ndjson").read_bytes().splitlines()]
    named = tmp_path / "records"
    named.write_text("".join(json.dumps({**line, "request_id": str(number)}) + "\n" for number, line in enumerate(lines)))
    run = open_run(import_records([named], tmp_path / "results", "again").folder)
    live = open_run(folder)
    assert [(read.place, read.outcome, read.target) for read in run.chats()] == [
        (read.place, read.outcome, read.target) for read in live.chats() if read.outcome != "unsent"
    ]
    assert [(block.number, block.round, block.targets) for block in run.blocks.values()] == [
        (block.number, block.round, block.targets) for block in live.blocks.values()
    ]
    assert run.manifest.about.targets == tuple(sorted(TARGETS))
    assert (run.manifest.levels[0].rounds, run.manifest.levels[0].blocks) == (2, 2)


def test_a_block_began_as_long_before_a_chat_as_that_says(tmp_path: Path) -> None:
    place = {"level": "a", "round": 1, "block": 1, "since_seconds": 3.0, "warm_up": False}
    file = tmp_path / "records"
    file.write_text(json.dumps({**one(5).to_json(), "bench": place}) + "\n")
    (entry,) = open_run(import_records([file], tmp_path / "results", "placed").folder).manifest.blocks
    assert entry.begun_at == datetime.fromtimestamp(STARTED_AT + 5 - 3, UTC)
    assert entry.ended_at == datetime.fromtimestamp(STARTED_AT + 5 + one(5).e2e_seconds, UTC)


def test_a_last_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = of_serve(tmp_path / "records", one(0), one(1))
    file.write_bytes(file.read_bytes()[:-20])
    assert import_records([file], tmp_path / "results", "cut").chats == 1


def test_records_of_an_earlier_version_lack_what_came_later(tmp_path: Path) -> None:
    line = {**one(0).to_json()}
    del line["waited_seconds"]
    file = tmp_path / "records"
    file.write_text(json.dumps(line))
    [read] = open_run(import_records([file], tmp_path / "results", "old").folder).chats()
    assert read.waited_seconds is None


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "no record is in there; chatprobe serve --records and chatprobe probe --output json write records"),
        ("not json\n", r"records:1: is no record of a chat \(.+\)"),
        ('{"a": 1}\n', r"records:1: is no record of a chat \(scenario is missing\)"),
        ('{"scenario": "a", "started_at": "yesterday"}\n', r"records:1: is no record of a chat \(Invalid isoformat"),
        ('{"scenario": "a", "started_at": "2026-11-20T21:13:59Z"}\n', r"records:1: is no record of a chat \(.* is missing\)"),
    ],
)
def test_what_is_no_record_is_named_and_leaves_nothing(tmp_path: Path, content: str, wrong: str) -> None:
    file = tmp_path / "records"
    file.write_text(content)
    with pytest.raises(ResultsError, match=wrong):
        import_records([file], tmp_path / "results", "bad")
    assert not (tmp_path / "results").exists() or list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": "0001-01-01T00:00:00+00:00", "e2e_seconds": -1e9},
        {"e2e_seconds": 1e300},
        {"bench": {"level": "a", "round": 1, "block": 1, "since_seconds": 1e300, "warm_up": False}},
    ],
)
def test_a_time_that_is_in_no_year_is_named(tmp_path: Path, changes: dict[str, object]) -> None:
    file = tmp_path / "records"
    file.write_text(json.dumps({**one(0).to_json(), **changes}) + "\n")
    with pytest.raises(ResultsError, match=r"records:1: is no record of a chat \("):
        import_records([file], tmp_path / "results", "bad")


def test_a_file_that_is_emptied_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = of_serve(tmp_path / "records", one(0))
    first_at = importing._first_at

    def then_emptied(files: list[Path]) -> dict[str, float]:
        found = first_at(files)
        file.write_bytes(b"")
        return found

    monkeypatch.setattr(importing, "_first_at", then_emptied)
    with pytest.raises(ResultsError, match="records: was emptied while it was read"):
        import_records([file], tmp_path / "results", "emptied")
    assert list((tmp_path / "results").iterdir()) == []


def test_records_of_runs_are_not_mixed(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    records = folder / "records.ndjson"
    with pytest.raises(ResultsError, match="import each such file by itself"):
        import_records([records, records], tmp_path / "results", "twice")
    mixed = of_serve(tmp_path / "mixed", one(0))
    mixed.write_bytes(mixed.read_bytes() + records.read_bytes())
    with pytest.raises(ResultsError, match="mixed:2: is of another kind than those before it"):
        import_records([mixed], tmp_path / "results", "mixed")


def test_a_run_that_is_there_stays(tmp_path: Path) -> None:
    file = of_serve(tmp_path / "records", one(0))
    import_records([file], tmp_path / "results", "once")
    with pytest.raises(ResultsError, match="is there already, and stays as it is"):
        import_records([file], tmp_path / "results", "once")
