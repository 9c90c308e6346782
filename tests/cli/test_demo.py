"""`chatprobe demo`: every engine shows numbers, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.main import main
from cli.standings import Standings
from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.record import ChatRecord
from tests.exporter.scrape import read
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Skip, SkipReason

COMMAND = (sys.executable, "-m", "cli", "demo", "--listen", "127.0.0.1:0")
WITHIN_SECONDS = 15
"""How soon every engine has had a chat."""
USUAL_START_SECONDS = 1.5
"""What the command takes until it listens; where it takes longer, the machine is that much slower with the chats too."""
MILLISECOND = 1_000_000


@asynccontextmanager
async def demo(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command as a process of its own, once it listens; with the exporter's URL."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)).decode()
        found = re.fullmatch(r"status +(http://\S+)/\n", line)
        assert found is not None, line
        yield process, found[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def all_have_chatted(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        seen = read(await response.read())
    return all(seen.value("chatprobe_ttft_seconds_count", target=target) for target in ("vllm", "tgi", "ollama"))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_every_engine_has_a_chat_in_time_and_a_signal_ends_it_well(number: signal.Signals) -> None:
    began = time.monotonic()
    async with demo() as (process, url):
        slower = max(1.0, (time.monotonic() - began) / USUAL_START_SECONDS)
        async with asyncio.timeout(WITHIN_SECONDS * slower):
            while not await all_have_chatted(url):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.2)
        children = children_of(process.pid)
        assert len(children) == 2  # the engines and the measuring worker
        for pid in (process.pid, *children):
            os.kill(pid, number)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert (process.returncode, err) == (0, b"")
        lines = [line for line in out.decode().splitlines() if " failed " in line]
        assert [line.split()[:2] for line in lines[-3:]] == [["vllm", "ok"], ["tgi", "ok"], ["ollama", "ok"]]
        assert not [child for child in children if runs(child)]


async def test_a_signal_ends_it_where_no_worker_can_be_started() -> None:
    limited = ("sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *COMMAND)
    process = await asyncio.create_subprocess_exec(*limited, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr is not None
        said = await asyncio.wait_for(process.stderr.readuntil(b"cannot be started"), PATIENCE_SECONDS)
        process.terminate()
        said += await asyncio.wait_for(process.stderr.read(), PATIENCE_SECONDS)
        assert b"Traceback" not in said
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_engines_end_with_it_even_if_it_is_killed() -> None:
    async with demo() as (process, _):
        children = children_of(process.pid)
        assert len(children) == 2
        process.kill()
        await eventually(lambda: not any(map(runs, children)))


async def test_it_stops_by_itself_after_a_duration() -> None:
    async with demo("--duration", "0.2") as (process, _):
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0


async def test_on_a_terminal_it_is_a_live_table() -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "--duration", "1.5"), stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    )
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            piece = await asyncio.to_thread(os.read, ours, 65536)
        except OSError:  # how a terminal says that its other end is closed
            break
        shown += piece
    os.close(ours)
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    text = shown.decode()
    assert "\x1b[" in text
    assert "TTFT ms" in text
    assert "(simulated)" in text


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([*COMMAND, "--listen", address], check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1
    assert f"Error: {address} is in use by another program" in done.stderr


def test_a_wrong_address_is_refused() -> None:
    result = CliRunner().invoke(main, ["demo", "--listen", "nowhere"])
    assert result.exit_code == 2
    assert "--listen: is not an address to listen on" in result.output


def chat(target: str, *gaps: int, failure: Failure | None = None) -> ChatRecord:
    """A chat whose chunks come after these gaps, in milliseconds; it ends 10 ms after the last."""
    arrivals = [sum(gaps[: place + 1]) * MILLISECOND for place in range(len(gaps))]
    return ChatRecord(
        target=target,
        backend="vllm",
        model="tiny",
        scenario="chat",
        request_id="1",
        prompt_id="text",
        cache="cold",
        started_at=0.0,
        started_ns=0,
        ended_ns=(sum(gaps) + 10) * MILLISECOND,
        outcome="failed" if failure else "ok",
        failure=failure,
        sent_ns=0,
        chunks=tuple(Chunk(arrival, 1) for arrival in arrivals),
        output_tokens=len(gaps),
    )


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_a_duration_that_is_none_is_refused(seconds: str) -> None:
    result = CliRunner().invoke(main, ["demo", "--duration", seconds])
    assert result.exit_code == 2
    assert f"{seconds} is no number of seconds; write one above 0, like 30" in " ".join(result.output.split())


def test_standings_follow_the_events() -> None:
    standings = Standings(["vllm", "ollama"])
    for event in (
        chat("vllm", 50, 20, 30),
        chat("vllm", 70, 20, 20),
        chat("vllm", 60, 20, 20, failure=Failure(Reason.TRUNCATED, "", 0)),
        Skip("ollama", "chat", SkipReason.MODEL_NOT_LOADED, at=0.0),
    ):
        standings(event)
    vllm, ollama = standings.lines()
    assert vllm == "vllm    truncated  TTFT 60.0 / 70.0 ms  ITL 20.0 / 30.0 ms  E2E 0.11 / 0.12 s  25.0 tokens/s  chats 3  failed 1"
    assert ollama.startswith("ollama  skipped: model_not_loaded TTFT - / - ms")


def test_the_table_fits_a_terminal() -> None:
    standings = Standings(["ollama"])
    standings(chat("ollama", 2_500, 40, 300))
    standings(chat("ollama", 2_500, failure=Failure(Reason.FIRST_TOKEN_TIMEOUT, "", 0)))
    console = Console(width=80)
    with console.capture() as captured:
        console.print(standings.table())
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines[-2:]] == [
        ["ollama", "first_toke", "2500.0", "/", "2500.0", "40.0", "/", "300.0", "2.85", "/", "2.85", "1.1", "2", "1"],
        ["n_timeout"],
    ]
