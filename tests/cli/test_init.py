from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.init import command
from config.reader import read
from config.starters import PRESETS, starter


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_writes_a_valid_example() -> None:
    result = init()
    assert result.exit_code == 0
    assert result.output == "chatprobe.yaml written; check it with: chatprobe check chatprobe.yaml\n"
    loaded = read([Path("chatprobe.yaml")])
    assert loaded.config.targets
    assert loaded.warnings == ()


@pytest.mark.parametrize("preset", PRESETS)
def test_writes_presets(preset: str) -> None:
    assert init("--preset", preset, "-o", "other.yaml").exit_code == 0
    assert Path("other.yaml").read_text() == starter(preset)


def test_standard_output() -> None:
    assert init("-o", "-").output == starter()
    assert not list(Path().iterdir())


def test_does_not_overwrite_unless_told_to() -> None:
    Path("chatprobe.yaml").write_text("mine")
    result = init()
    assert result.exit_code == 1
    assert result.stderr == "Error: chatprobe.yaml exists; --force overwrites it\n"
    assert Path("chatprobe.yaml").read_text() == "mine"
    assert init("--force").exit_code == 0
    assert Path("chatprobe.yaml").read_text() == starter()


def test_what_cannot_be_written_is_said() -> None:
    result = init("-o", "missing/chatprobe.yaml")
    assert result.exit_code == 1
    assert result.stderr == "Error: missing/chatprobe.yaml cannot be written: No such file or directory\n"


def test_no_such_preset() -> None:
    result = init("--preset", "defualt")
    assert result.exit_code == 2
    assert f"there is no preset defualt; there are {', '.join(PRESETS)}" in result.stderr
