"""Where what a command prints cannot go: full disks, closed descriptors, pipes that nobody reads; and Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]


def shell(line: str, folder: Path, *, unbuffered: bool = False) -> tuple[int, str]:
    """The exit code of a line in bash, in which `chatprobe` is the command, and what it wrote to standard error."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | {"PYTHONPATH": str(ROOT)}
    if unbuffered:
        environment["PYTHONUNBUFFERED"] = "1"
    text = f'set -o pipefail; chatprobe() {{ "{sys.executable}" -m cli "$@"; }}; {line}'
    done = subprocess.run(["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("command", ["--version", "--help", "init --output -", "explain ttft", "bench quick --target http://127.0.0.1:9 --dry-run"])
def test_a_full_disk_is_told_in_a_line(command: str, unbuffered: bool, tmp_path: Path) -> None:
    code, err = shell(f"chatprobe {command} > /dev/full", tmp_path, unbuffered=unbuffered)
    assert (code, err.splitlines()[-1]) == (1, "Error: the output cannot be written: No space left on device; make room, or write elsewhere")
    assert "Traceback" not in err


def test_a_pipe_that_nobody_reads_ends_it_without_a_word(tmp_path: Path) -> None:
    code, err = shell("for _ in {1..50}; do chatprobe init --output - || exit; done | true", tmp_path)
    assert (code, err) == (1, "")


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_where_standard_streams_are_closed_nothing_else_stands_in_their_place(closed: str, tmp_path: Path) -> None:
    code, err = shell(f"chatprobe demo --listen 127.0.0.1:0 --duration 0.5 {closed}", tmp_path)
    assert (code, err) == (0, "")


def test_an_interrupt_ends_any_command_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object = None) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("config.starters.starter", interrupted)
    result = CliRunner().invoke(main, ["init", "--output", "-"])
    assert (result.exit_code, result.output) == (130, "")


def test_a_terminal_of_few_characters_gets_question_marks() -> None:
    leader, follower = os.openpty()
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "TERM": "dumb"}
    command = (sys.executable, "-m", "cli", "explain", "too-wide")
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=follower, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS, check=False)
    os.close(follower)
    read = os.read(leader, 65_536).decode("latin-1")
    os.close(leader)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "5 % is allowed?" in read


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_file_is_utf_8_whatever_the_terminal_is(encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = (sys.executable, "-m", "cli", "explain", "too-wide")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "5 % is allowed…" in done.stdout.decode()


def test_a_name_that_is_no_text_is_printed_as_it_is(tmp_path: Path) -> None:
    name = b"\xff.yaml"
    (tmp_path / os.fsdecode(name)).write_text("targets: {a: {backend: vllm, url: 'http://127.0.0.1:1'}}\nscenarios: {h: {every: 5s}}\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}
    command = (sys.executable, "-m", "cli", "check", name)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(name + b": ok")
