from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from dashboards.boards import BOARDS
from dashboards.build import build
from dashboards.forms.delivery import Form
from dashboards.stale import stale
from tests.dashboards.parts import BOARD

GENERATED = Path(__file__).parents[2] / "dashboards/generated"
ANEW = "run `chatprobe dashboards build`"


@cache
def built(form: Form = Form.JSON) -> Mapping[str, str]:
    """The files of all dashboards, built once for all tests that read them."""
    return build(form=form)


def run(command: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["dashboards", command, "--output", str(folder), *map(str, more)])


@pytest.fixture(params=[*Form])
def form(request: pytest.FixtureRequest) -> Form:
    wanted: Form = request.param
    return wanted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the JSON of all."""
    return written(Form.JSON, tmp_path)


def written(form: Form, folder: Path) -> Path:
    """The folder, with the files that the command writes."""
    for name, text in built(form).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def check(folder: Path, *more: str) -> tuple[int, list[str]]:
    """What `chatprobe dashboards check` says of a folder's files."""
    result = run("check", folder, *more)
    return result.exit_code, result.output.splitlines()


def test_what_is_checked_in_is_what_is_built() -> None:
    assert list(stale(built(), Form.JSON, GENERATED)) == []
    assert {file.name for file in GENERATED.iterdir()} == built().keys(), "other forms are built where they are wanted"


def test_a_uid_belongs_to_one_dashboard() -> None:
    with pytest.raises(ValueError, match=r"^two dashboards have the uid chatprobe-latency; each needs one of its own$"):
        build((BOARD, BOARD))


def test_the_command_writes_one_form_of_each(form: Form, tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    result = run("build", folder, "--form", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [f"{folder / name} written" for name in built(form)]
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == built(form)
    assert built(form).keys() == {f"{board.uid}.{'json' if form is Form.JSON else 'yaml'}" for board in BOARDS}
    assert check(folder, "--form", form) == (0, [f"{folder}: up to date"])


def test_json_goes_where_it_is_checked_in_and_nothing_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["dashboards", "build"]).exit_code == 0
    assert {file.name for file in (tmp_path / "dashboards/generated").iterdir()} == built().keys()
    refused = CliRunner().invoke(main, ["dashboards", "build", "--form", "console"])
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (2, "Error: --form console needs a folder; name one with --output")


def test_the_command_says_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "chatprobe-overview.json").mkdir()
    result = CliRunner().invoke(main, ["dashboards", "build", "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}/chatprobe-overview.json cannot be written: Is a directory; name another folder with --output\n"


def test_only_the_check_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    assert run("build", tmp_path).exit_code == 0
    refused = run("check", tmp_path)
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: this command needs the extra 'dashboards', which is not installed; install chatprobe[dashboards] in place of chatprobe\n",
    )


def test_it_names_what_is_missing_stale_and_left_over(form: Form, tmp_path: Path) -> None:
    written(form, tmp_path)
    ending, anew = ("json", ANEW) if form is Form.JSON else ("yaml", f"run `chatprobe dashboards build --form {form}`")
    (tmp_path / f"chatprobe-latency.{ending}").unlink()
    (tmp_path / f"chatprobe-overview.{ending}").write_text("---\n")
    (tmp_path / f"chatprobe-old.{ending}").touch()
    code, lines = check(tmp_path, "--form", form)
    assert (code, sorted(lines)) == (
        1,
        [
            f"{tmp_path}/chatprobe-latency.{ending}: is missing; {anew}",
            f"{tmp_path}/chatprobe-old.{ending}: is left from before; {anew}",
            f"{tmp_path}/chatprobe-overview.{ending}: is stale; {anew}",
        ],
    )


def test_building_removes_what_is_left_over(form: Form, tmp_path: Path) -> None:
    left = tmp_path / f"chatprobe-old.{'json' if form is Form.JSON else 'yaml'}"
    left.touch()
    mine = tmp_path / "notes.txt"
    mine.touch()
    assert run("build", tmp_path, "--form", form).stdout.splitlines()[-1] == f"{left} removed"
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


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b"null", b'{"panels": 3}', b'{"panels": [3]}'])
def test_a_file_that_is_no_dashboard_is_stale(content: bytes, folder: Path) -> None:
    (folder / "chatprobe-slo.json").write_bytes(content)
    assert list(stale(built(), Form.JSON, folder)) == [f"{folder}/chatprobe-slo.json: is stale; {ANEW}"]


def test_a_file_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / "chatprobe-slo.json").unlink()
    (folder / "chatprobe-slo.json").mkdir()
    (told,) = stale(built(), Form.JSON, folder)
    assert told.startswith(f"{folder}/chatprobe-slo.json: cannot be read: Is a directory; change ")


def test_the_folder_and_the_operators_grafana_can_be_chosen(tmp_path: Path) -> None:
    chosen = ("--form", "operator", "--folder", "LLM", "--instance", "team=ml", "--instance", "stage=prod")
    assert run("build", tmp_path, *chosen).exit_code == 0
    written = (tmp_path / "chatprobe-overview.yaml").read_text()
    assert "    matchLabels:\n      team: ml\n      stage: prod\n  folder: LLM\n" in written
    assert check(tmp_path, *chosen) == (0, [f"{tmp_path}: up to date"])
    assert check(tmp_path, "--form", "operator")[0] == 1


@pytest.mark.parametrize(
    ("option", "line"),
    [
        (("--folder", "LLM"), "--folder is for --form configmap and --form operator: the others do not name a folder"),
        (("--form", "console", "--folder", "LLM"), "--folder is for --form configmap and --form operator: the others do not name a folder"),
        (("--form", "configmap", "--instance", "team=ml"), "--instance is for --form operator: the others do not name a Grafana"),
        (("--form", "operator", "--instance", "grafana"), "Invalid value for '--instance': a label is written KEY=VALUE, each key once"),
        (
            ("--form", "operator", "--instance", "example.com/team=ml", "--instance", "my team=ml"),
            "Invalid value for '--instance': Kubernetes has no such label; write letters, digits and - _ . only, with a letter or digit at both ends",
        ),
    ],
)
def test_an_option_that_a_form_does_not_take_is_refused(option: tuple[str, ...], line: str, tmp_path: Path) -> None:
    result = run("build", tmp_path, *option)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {line}")
    assert [*tmp_path.iterdir()] == []
