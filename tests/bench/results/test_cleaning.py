"""Old runs are cleared away, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.results.cleaning import delete, old_runs, sweep
from bench.results.listing import find_run, find_runs
from bench.results.problem import ResultsError
from bench.results.reading import open_run
from tests.bench.results.runs import begun
from tests.bench.results.test_listing import DAY, run
from tests.exporter.chats import STARTED_AT


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three runs that are over, of three days."""
    for days in range(3):
        run(tmp_path / "results", "nightly", STARTED_AT + days * DAY)
    return tmp_path / "results"


@pytest.mark.parametrize(("keep", "days"), [(0, ["17", "16", "15"]), (1, ["16", "15"]), (3, []), (5, [])])
def test_the_newest_are_kept(results: Path, keep: int, days: list[str]) -> None:
    assert [old.name for old in old_runs(results, keep)] == [f"test_nightly_202701{day}_080000" for day in days]


def test_a_run_that_goes_on_stays_and_does_not_count(results: Path) -> None:
    going_on = begun(results / "other").folder.rename(results / "test_on_20260101_000000")
    assert len(old_runs(results, 1)) == 2
    with pytest.raises(ResultsError, match="is a run that goes on, and is not deleted; end it first"):
        delete(results, open_run(going_on))
    assert going_on.exists()


def test_a_run_elsewhere_stays(results: Path) -> None:
    folder = begun(results / "other").folder.rename(results / "test_on_20260101_000000")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["process"].update(boot_id="another", host="another")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert folder not in [old.folder for old in old_runs(results, 0)]
    with pytest.raises(ResultsError, match="goes on"):
        delete(results, open_run(folder))


def test_a_deleted_run_is_gone_whole(results: Path) -> None:
    [*_, oldest] = old_runs(results, 0)
    delete(results, oldest)
    assert sorted(path.name for path in results.iterdir()) == ["test_nightly_20270116_080000", "test_nightly_20270117_080000"]


def test_links_are_not_followed(results: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    inside = find_run(results, "nightly_20270115").folder
    (inside / "engines" / "link").symlink_to(precious)
    elsewhere = run(tmp_path / "elsewhere", "other", STARTED_AT)
    (results / "test_other_20270115_080000").symlink_to(elsewhere)
    for old in old_runs(results, 0):
        delete(results, old)
    assert (precious / "file").read_text() == "kept"
    assert elsewhere.is_dir()
    assert [path.name for path in results.iterdir()] == ["test_other_20270115_080000"]


def test_what_is_not_in_the_results_folder_is_not_deleted(results: Path, tmp_path: Path) -> None:
    elsewhere = run(tmp_path / "elsewhere", "other", STARTED_AT)
    link = results / "test_other_20270115_080000"
    link.symlink_to(elsewhere)
    for folder in (elsewhere, link):
        with pytest.raises(ResultsError, match="and is not deleted; delete it by hand"):
            delete(results, open_run(folder))
    assert elsewhere.is_dir()


def test_a_deletion_that_was_broken_off_is_finished_by_the_next(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [*_, oldest] = old_runs(results, 0)

    def broken(_: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", broken)
        with pytest.raises(ResultsError, match="cannot be deleted: Input/output error"):
            delete(results, oldest)
    assert oldest.name not in [run.name for run in find_runs(results).runs]
    sweep(results)
    assert [path.name for path in results.iterdir() if path.name.startswith(".")] == []
