"""The unit for systemd: what in it must fit chatprobe."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.serve import command
from traffic.runner import GRACE_SECONDS

UNIT = Path(__file__).parents[1] / "docs" / "chatprobe.service"


def settings() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if line and line[0] not in "#["]
    return dict(line.split("=", 1) for line in lines)


def test_it_starts_a_command_that_there_is() -> None:
    program, name, *arguments = shlex.split(settings()["ExecStart"])
    assert (Path(program).name, name) == ("chatprobe", command.name)
    context = command.make_context("serve", arguments)
    assert context.params["configs"] == (Path("/etc/chatprobe/chatprobe.yaml"),)


def test_the_worker_may_be_scheduled_in_real_time_and_nothing_else() -> None:
    found = settings()
    assert found["AmbientCapabilities"] == found["CapabilityBoundingSet"] == "CAP_SYS_NICE"
    assert "RestrictRealtime" not in found


def test_chats_have_the_time_to_end() -> None:
    assert float(settings()["TimeoutStopSec"].removesuffix("s")) > GRACE_SECONDS


def test_systemd_takes_it() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line and "is not executable" not in line] == []
