from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from dashboards.boards import BOARDS
from dashboards.build import build
from dashboards.stale import stale
from tests.dashboards.parts import BOARD

GENERATED = Path(__file__).parents[2] / "dashboards/generated"
ANEW = "run `chatprobe dashboards build`"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything that is built."""
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (0, "")
    return tmp_path


def check(folder: Path, *more: str) -> tuple[int, list[str]]:
    """What `chatprobe dashboards check` says of a folder's files."""
    result = CliRunner().invoke(main, ["dashboards", "check", "--output", str(folder), *more])
    return result.exit_code, result.output.splitlines()


def test_what_is_checked_in_is_what_is_built() -> None:
    assert list(stale(build(), GENERATED)) == []


def test_a_uid_belongs_to_one_dashboard() -> None:
    with pytest.raises(ValueError, match=r"^two dashboards have the uid chatprobe-latency; each needs one of its own$"):
        build((BOARD, BOARD))


def test_the_command_writes_every_form_of_each(tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [f"{folder / name} written" for name in build()]
    names = {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in folder.rglob("*") if file.is_file()}
    assert names == build()
    forms = ("{}.json", "configmaps/{}.yaml", "grafana-operator/{}.yaml", "openshift-console/{}.yaml")
    assert names.keys() == {".lint", *(form.format(board.uid) for board in BOARDS for form in forms)}


def test_the_command_says_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "chatprobe-overview.json").mkdir()
    result = CliRunner().invoke(main, ["dashboards", "build", "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}/chatprobe-overview.json cannot be written: Is a directory; name another folder with --output\n"


@pytest.mark.parametrize("command", ["build", "check"])
def test_it_needs_its_extra(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    result = CliRunner().invoke(main, ["dashboards", command, "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: this command needs the extra 'dashboards', which is not installed; install chatprobe[dashboards] in place of chatprobe\n"
    )


def test_it_says_that_all_is_well(folder: Path) -> None:
    assert check(folder) == (0, [f"{folder}: up to date"])


def test_it_names_what_is_missing_stale_and_left_over(folder: Path) -> None:
    (folder / "chatprobe-overview.json").unlink()
    (folder / "configmaps/chatprobe-overview.yaml").write_text("---\n")
    (folder / "grafana-operator/chatprobe-overview.yaml").write_text("---\n")
    (folder / ".lint").write_text("exclusions: {}\n")
    (folder / "openshift-console/chatprobe-old.yaml").touch()
    assert check(folder) == (
        1,
        [
            f"{folder}/chatprobe-overview.json: is missing; {ANEW}",
            f"{folder}/configmaps/chatprobe-overview.yaml: is stale; {ANEW}",
            f"{folder}/grafana-operator/chatprobe-overview.yaml: is stale; {ANEW}",
            f"{folder}/.lint: is stale; {ANEW}",
            f"{folder}/openshift-console/chatprobe-old.yaml: is left from before; {ANEW}",
        ],
    )


def test_building_removes_what_is_left_over(folder: Path) -> None:
    left = folder / "openshift-console/chatprobe-old.yaml"
    left.touch()
    mine = folder / "notes.txt"
    mine.touch()
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(folder)])
    assert result.stdout.splitlines()[-1] == f"{left} removed"
    assert (left.exists(), mine.exists()) == (False, True)


def test_it_names_the_panel_that_was_changed_in_a_file(folder: Path) -> None:
    file = folder / "chatprobe-overview.json"
    file.write_text(file.read_text().replace('"title": "Goodput"', '"title": "Badput"').replace("chatprobe_probe_success{", "chatprobe_up{"))
    code, lines = check(folder)
    assert code == 1
    assert lines == [
        "chatprobe / Overview: Who answers: `chatprobe_up` is no metric of the catalogue, and none that is recorded; take the name from "
        "`catalogue.own` or `alerts.recordings`, or put it on the list in `dashboards/lint/foreign.py`",
        f"chatprobe / Overview: Badput: it is in the file, and in the dashboard no more; {ANEW}",
        f"chatprobe / Overview: Goodput: it is not in the file; {ANEW}",
    ]


def test_the_folder_and_the_operators_grafana_can_be_chosen(tmp_path: Path) -> None:
    chosen = ("--folder", "LLM", "--instance", "team=ml", "--instance", "stage=prod")
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(tmp_path), *chosen])
    assert result.exit_code == 0
    written = (tmp_path / "grafana-operator/chatprobe-overview.yaml").read_text()
    assert "    matchLabels:\n      team: ml\n      stage: prod\n  folder: LLM\n" in written
    assert check(tmp_path, *chosen) == (0, [f"{tmp_path}: up to date"])
    assert check(tmp_path)[0] == 1


def test_a_label_needs_a_key_and_a_value(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(tmp_path), "--instance", "grafana"])
    assert result.exit_code == 2
    assert "a label is written KEY=VALUE, each key once" in result.stderr
