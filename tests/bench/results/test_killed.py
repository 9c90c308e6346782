"""A run that is killed in its middle: the process itself, by `kill -9`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results.manifest import State
from bench.results.reading import open_run
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
WRITER = """
import sys, itertools
from pathlib import Path
from tests.bench.results.runs import begun, block, ended, small_run, LEVEL
from tests.exporter.chats import chat
from bench.events import BlockBegun, LevelBegun, RunBegun
writer = begun(Path(sys.argv[1]))
writer(RunBegun(("vllm",)))
writer(LevelBegun(LEVEL, 2, 2))
writer(BlockBegun(block(1), 1_800_000_000.0))
print(writer.folder, flush=True)
import time
while True:
    writer(ended(chat(tokens=200), block(1)))
    time.sleep(0.0005)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folder of a run whose process was killed in its middle."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    while (folder / "records.ndjson").stat().st_size < 100_000:
        assert process.poll() is None
    assert open_run(folder).state is State.RUNNING
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
    process.stdout.close()
    return folder


def test_a_killed_run_is_never_taken_for_a_whole_one(killed: Path) -> None:
    run = open_run(killed)
    assert (run.state, run.whole, run.part) == (State.KILLED, False, "the run was killed")
    assert json.loads((killed / "manifest.json").read_bytes())["state"] == "running"
    assert not (killed / "summary.json").exists()


def test_the_records_of_a_killed_run_are_readable(killed: Path) -> None:
    run = open_run(killed)
    [measured] = run.measured()
    assert len(measured.chats) >= 20
    assert {len(read.gaps_seconds) for read in measured.chats} == {199}
    assert [block.number for block in measured.blocks] == [1]


def test_a_line_that_the_kill_cut_is_passed_over_and_told(killed: Path) -> None:
    records = killed / "records.ndjson"
    whole = len(list(open_run(killed).chats()))
    records.write_bytes(records.read_bytes()[:-10])
    run = open_run(killed)
    assert len(list(run.chats())) == whole - 1
    assert run.doubts == ("the last line of records.ndjson was cut off, and is passed over",)


def test_a_process_that_nobody_has_waited_for_is_dead(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert open_run(folder).state is State.KILLED
    process.wait(PATIENCE_SECONDS)
    process.stdout.close()
