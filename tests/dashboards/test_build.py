from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from dashboards.boards import BOARDS
from dashboards.build import build
from tests.dashboards.parts import BOARD

GENERATED = Path(__file__).parents[2] / "dashboards/generated"


def test_what_is_checked_in_is_what_is_built() -> None:
    assert {file.name: file.read_text(encoding="utf-8") for file in GENERATED.glob("*.json")} == build()


def test_a_uid_belongs_to_one_dashboard() -> None:
    with pytest.raises(ValueError, match=r"^two dashboards have the uid chatprobe-latency; each needs one of its own$"):
        build((BOARD, BOARD))


def test_the_command_writes_them(tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [f"{folder / board.uid}.json written" for board in BOARDS]
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == build()


def test_the_command_says_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "chatprobe-overview.json").mkdir()
    result = CliRunner().invoke(main, ["dashboards", "build", "-o", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path}/chatprobe-overview.json cannot be written: Is a directory\n")
