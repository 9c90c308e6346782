"""A run as it is read from its folder."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.chat import Chat, Place, chat_of
from bench.events import ChatEnded, Unsent
from bench.results import manifest as manifests
from bench.results import reading
from bench.results.chats import chat_of_line
from bench.results.lines import record_line
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.process import Process
from bench.results.reading import open_run
from probes.chunk import Chunk
from probes.record import ChatRecord
from tests.bench.results.runs import TARGETS, begun, small_run, written
from tests.exporter.chats import MS, START_NS, chat, chats
from traffic.events import SkipReason

PLACE = Place("2 users", 1, 3, 2.5, warm_up=False)


def alike(read: Chat, live: Chat) -> bool:
    """Whether two chats are the same, to the rounding of a difference of two times."""
    arrays = {"gaps_seconds", "gap_tokens"}
    return (
        np.allclose(read.gaps_seconds, live.gaps_seconds, rtol=1e-9, atol=1e-12)
        and np.array_equal(read.gap_tokens, live.gap_tokens)
        and all(_same(getattr(read, field.name), getattr(live, field.name)) for field in fields(Chat) if field.name not in arrays)
    )


def _same(read: object, live: object) -> bool:
    return read == (pytest.approx(live, rel=1e-9) if isinstance(live, float) else live)


@given(chats(), st.booleans())
def test_a_chat_from_the_disk_is_the_one_that_was_seen_live(record: ChatRecord, cut: bool) -> None:
    live = chat_of(record, PLACE, cut=cut)
    line = json.loads(json.dumps(record_line(live, record)))
    assert alike(chat_of_line(line), live)


def test_a_chunk_whose_tokens_cannot_be_told_brings_no_gap() -> None:
    sent_ns = START_NS + 2 * MS
    record = chat(chunks=(Chunk(sent_ns + MS, 1), Chunk(sent_ns + 3 * MS, None), Chunk(sent_ns + 6 * MS, 2)))
    live = chat_of(record, PLACE, cut=False)
    read = chat_of_line(json.loads(json.dumps(record_line(live, record))))
    assert alike(read, live)
    assert read.gaps_seconds == pytest.approx([0.003])
    assert read.gap_tokens == pytest.approx([2.0])


def test_a_run_is_read_as_it_was_told(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    told = list(small_run())
    live = [event.chat for event in told if isinstance(event, ChatEnded)]
    live.sort(key=lambda each: each.outcome == "unsent")
    run = open_run(folder)
    read = list(run.chats())
    assert len(read) == len(live)
    assert all(map(alike, read, live))
    assert list(run.unsent()) == [event for event in told if isinstance(event, Unsent)]
    assert [row["target"] for row in run.native()] == list(TARGETS)
    [measured] = run.measured()
    assert (measured.level.name, len(measured.blocks), len(measured.chats)) == ("2 users", 4, len(live))
    assert run.doubts == ()
    assert {unsent.reason for unsent in run.unsent()} == {SkipReason.GLOBAL_CAP}


def test_a_file_that_is_shorter_than_the_run_left_it_is_told(tmp_path: Path) -> None:
    folder, manifest = written(tmp_path)
    records = folder / "records.ndjson"
    kept = records.read_bytes().splitlines(keepends=True)[:3]
    records.write_bytes(b"".join(kept))
    run = open_run(folder)
    size_bytes = manifest.files["records.ndjson"].size_bytes
    assert run.doubts == (f"records.ndjson has {len(b''.join(kept))} bytes where the run left {size_bytes}: it was cut or changed since",)
    assert not run.whole


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b"{", "unexpected end of data"),
        (b"[]", "'list' object has no attribute"),
        (b'{"outcome": "ok"}', "target is missing"),
        (b'{"target": "vllm", "bench": {"level": "a", "round": 1}, "cut": false, "outcome": "ok"}', "since_seconds is missing"),
    ],
)
def test_a_line_with_nonsense_is_named_with_its_remedy(tmp_path: Path, line: bytes, wrong: str) -> None:
    folder, _ = written(tmp_path)
    records = folder / "records.ndjson"
    records.write_bytes(records.read_bytes() + line + b"\n")
    with pytest.raises(ResultsError) as raised:
        list(open_run(folder).chats())
    assert str(raised.value).startswith(f"{records}:17: is no line of a run ({wrong}")
    assert str(raised.value).endswith("); bring the file back from a copy, or delete the line")


@pytest.mark.parametrize(
    ("file", "changes", "wrong"),
    [
        ("records.ndjson", {"ttft_seconds": "0.1"}, "ttft_seconds is no number"),
        ("records.ndjson", {"e2e_seconds": True}, "e2e_seconds is no number"),
        ("records.ndjson", {"schedule_lag_seconds": None}, "schedule_lag_seconds is null"),
        ("records.ndjson", {"output_tokens": -1}, "output_tokens is no number of something"),
        ("records.ndjson", {"model": ["a"]}, "model is no text"),
        ("records.ndjson", {"token_source": {}}, "token_source is no text"),
        ("records.ndjson", {"chunks": [[0.1, 1], [0.2, 1e308]]}, "chunks has tokens that no chunk bears"),
        ("unsent.ndjson", {"attempt": False, "count": None, "at": 0.0, "reason": "global_cap"}, "count is null"),
    ],
)
def test_a_value_of_another_kind_is_named_where_it_stands(tmp_path: Path, file: str, changes: dict[str, object], wrong: str) -> None:
    folder, _ = written(tmp_path)
    first, *others = (folder / file).read_bytes().splitlines(keepends=True)
    (folder / file).write_bytes(json.dumps({**json.loads(first), **changes}).encode() + b"\n" + b"".join(others))
    run = open_run(folder)
    with pytest.raises(ResultsError, match=rf"{file}:1: is no line of a run \({wrong}\)"):
        list(run.chats() if file == "records.ndjson" else run.unsent())


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    (folder / "records.ndjson").unlink()
    with pytest.raises(ResultsError, match=r"records\.ndjson cannot be read: No such file or directory"):
        list(open_run(folder).chats())
    assert not open_run(folder).whole


def change(folder: Path, **changes: object) -> None:
    """Of the manifest, as JSON."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"schema": 2}, "was written in a newer layout (2) than this chatprobe knows (1); use the chatprobe that wrote it"),
        ({"schema": 0}, "was written in an older layout (0); chatprobe results migrate brings it to that of today (1)"),
        ({"schema": None}, "schema: is no number; "),
        ({"state": "done"}, "state: Input should be 'running', "),
        ({"blocks": 3}, "blocks: "),
        ({"begun_at": "2027-01-15T08:00:00"}, "begun_at: Input should have timezone info; it was changed after the run"),
    ],
)
def test_a_manifest_that_is_no_use_is_named(tmp_path: Path, changes: dict[str, object], wrong: str) -> None:
    folder, _ = written(tmp_path)
    change(folder, **changes)
    with pytest.raises(ResultsError) as raised:
        open_run(folder)
    assert str(raised.value).startswith(f"{folder / 'manifest.json'}: {wrong}")


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"has no manifest\.json, so it is no run's; chatprobe results list shows the runs there are"):
        open_run(tmp_path)


def test_a_key_that_a_later_chatprobe_added_is_passed_over(tmp_path: Path) -> None:
    folder, manifest = written(tmp_path)
    change(folder, mood="good")
    assert open_run(folder).manifest == manifest


# whether a run that says `running` runs


def of_process(folder: Path, **changes: object) -> State:
    """The state of a run that says `running`, of this process but for these."""
    change(folder, state="running", process={**vars_of(Process.this()), **changes})
    return open_run(folder).state


def vars_of(process: Process) -> dict[str, object]:
    return {name: getattr(process, name) for name in process.__dataclass_fields__}


def test_a_run_of_this_process_runs(tmp_path: Path) -> None:
    assert of_process(begun(tmp_path).folder) is State.RUNNING


@pytest.mark.parametrize(
    "changes",
    [
        {"started_ticks": 1},
        {"pid": 2**22 + 1},
        {"boot_id": "an earlier one"},
    ],
)
def test_a_run_of_a_process_that_is_gone_was_killed(tmp_path: Path, changes: dict[str, object]) -> None:
    assert of_process(begun(tmp_path).folder, **changes) is State.KILLED


@pytest.mark.parametrize("changes", [{"boot_id": "another", "host": "another"}, {"pid_namespace": "pid:[1]"}])
def test_a_run_elsewhere_may_run_until_it_is_silent(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = begun(tmp_path).folder
    assert of_process(folder, **changes) is State.ELSEWHERE
    for path in folder.iterdir():
        long_ago = path.stat().st_mtime - reading.SILENT_SECONDS - 1
        os.utime(path, (long_ago, long_ago))
    assert open_run(folder).state is State.KILLED


def test_a_run_that_ends_while_one_looks_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, manifest = written(tmp_path)
    change(folder, state="running")

    def ends(_: Process) -> bool:
        manifests.write(folder, manifest)
        return False

    monkeypatch.setattr(Process, "lives", ends)
    assert open_run(folder).state is State.COMPLETE


def test_chats_of_which_the_manifest_knows_nothing_are_not_dropped(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    change(folder, blocks=[])
    with pytest.raises(ResultsError, match=r"has chats of 2 users, block 1, of which the manifest knows nothing; import the file"):
        open_run(folder).measured()


def test_a_block_without_an_end_lasted_until_the_last_that_is_known_of_it(tmp_path: Path) -> None:
    writer = begun(tmp_path)
    for event in list(small_run())[:12]:  # through the first block, and into the second
        writer(event)
    writer.settle()
    [measured] = open_run(writer.folder).measured()
    last = max(chat.ended_seconds for chat in measured.chats if chat.place.block == 2)
    assert [each.seconds for each in measured.blocks] == [10.0, last]
    assert 0 < last < 10
    assert [each.seconds for each in open_run(writer.folder).blocks.values()] == [10.0, 10.0]
