"""Earlier layouts become that of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.results import migrating
from bench.results.manifest import State
from bench.results.migrating import Migrated, migrate
from bench.results.reading import open_run
from tests.bench.results.runs import written
from tests.bench.results.test_importing import of_serve, one


def of_layout(folder: Path, layout: int) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": layout}))


def test_there_is_nothing_to_do_for_runs_of_today(tmp_path: Path) -> None:
    written(tmp_path)
    assert migrate(tmp_path) == Migrated((), ())
    assert migrate(tmp_path / "none") == Migrated((), ())


def test_a_run_goes_through_every_step_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "SCHEMA", 1)
    folder, _ = written(tmp_path)
    of_layout(folder, -1)
    gone: list[int] = []

    def step(layout: int) -> migrating.Step:
        def bring(folder: Path) -> None:
            gone.append(layout)
            of_layout(folder, layout + 1)

        return bring

    assert migrate(tmp_path, {0: step(0), -1: step(-1)}).done == (f"{folder}: brought from layout -1 to 1",)
    assert gone == [-1, 0]
    assert open_run(folder).whole
    assert migrate(tmp_path, {}) == Migrated((), ())


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [({}, "schema: is 0, which no chatprobe has written"), ({0: lambda _: None}, "the step from layout 0 did not bring it on")],
)
def test_a_layout_that_no_step_leads_on_from_is_named(tmp_path: Path, steps: dict[int, migrating.Step], wrong: str) -> None:
    folder, _ = written(tmp_path)
    of_layout(folder, 0)
    assert wrong in migrate(tmp_path, steps).problems[0]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("not json", ":1: is no JSON ("), ('{"schema": "1"}', ": schema: is no number; it was changed after the run"), ("[]", ": schema: is no number")],
)
def test_a_manifest_that_was_changed_is_named_by_its_place(tmp_path: Path, text: str, wrong: str) -> None:
    folder, _ = written(tmp_path)
    (folder / "manifest.json").write_text(text)
    (problem,) = migrate(tmp_path).problems
    assert problem.startswith(f"{folder / 'manifest.json'}{wrong}")


def test_a_run_whose_manifest_is_gone_gets_one_of_its_records(tmp_path: Path) -> None:
    folder, manifest = written(tmp_path)
    (folder / "manifest.json").unlink()
    live = len((folder / "records.ndjson").read_bytes().splitlines())
    assert migrate(tmp_path) == Migrated((f"{folder}: had no manifest.json, and has one now, made of its records",), ())
    run = open_run(folder)
    assert (run.state, run.whole, run.doubts) == (State.IMPORTED, False, ())
    assert run.manifest.files == manifest.files
    assert (run.manifest.about.name, run.manifest.files["records.ndjson"].lines) == ("nightly", live)
    assert len(list(run.chats())) == live + 4


def test_a_folder_of_records_without_places_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "test_old_20260101_000000"
    folder.mkdir()
    of_serve(folder / "records.ndjson", one(0))
    written(tmp_path)
    assert "records.ndjson:1: tells no place in a run; chatprobe results import" in migrate(tmp_path).problems[0]
