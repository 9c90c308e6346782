"""Where what a command prints cannot go: full disks, closed descriptors, pipes that nobody reads; and Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

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


def test_an_interrupt_while_an_engine_is_asked_what_it_is() -> None:
    """One that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "init", "--output", "-", "--target", url],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            guard = threading.Timer(PATIENCE_SECONDS, process.kill)
            guard.start()
            asked, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            guard.cancel()
            asked.close()
    assert (process.returncode, out, err) == (130, "", "")
