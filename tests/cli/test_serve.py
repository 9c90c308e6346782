"""`chatprobe serve` as an operator starts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from cli.main import main
from tests.exporter.engine import engine
from tests.waiting import PATIENCE_SECONDS
from traffic.runner import GRACE_SECONDS

YAML = """
targets:
  vllm: {backend: vllm, url: "URL"}
scenarios:
  heartbeat: {every: 1s, prompt: {text: Hello}}
"""


def write(folder: Path, yaml: str) -> Path:
    path = folder / "chatprobe.yaml"
    path.write_text(yaml)
    return path


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, asyncio.StreamReader]]:
    """The command as a process of its own, once it probes; with its URL and its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from cli.main import main; main()", "serve", "--listen", "127.0.0.1:0", *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        found = None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while found is None and (line := await process.stderr.readline()):
                found = re.search(r"event=probing .*url=(http://\S+)", line.decode())
        assert found is not None
        yield process, found[1], process.stderr
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_a_signal_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    async with engine() as one:
        records = tmp_path / "records.ndjson"
        config = write(tmp_path, YAML.replace("URL", one.url))
        async with serving("--config", str(config), "--records", str(records)) as (process, url, log):
            await asyncio.wait_for(one.asked.wait(), PATIENCE_SECONDS)
            async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
                assert "chatprobe_probes_total" in await response.text()
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
            assert b"event=stopping" in await log.read()
        assert {json.loads(line)["outcome"] for line in records.read_text().splitlines()} == {"ok"}


async def test_a_second_signal_cuts_the_wait_short(tmp_path: Path) -> None:
    async with engine() as one:
        one.finish.clear()
        config = write(tmp_path, YAML.replace("URL", one.url))
        async with serving("--config", str(config)) as (process, _, log):
            await asyncio.wait_for(one.asked.wait(), PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while b"waiting for chats to end" not in await log.readline():
                    pass
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), GRACE_SECONDS) == 0


def test_a_wrong_configuration_is_refused_with_its_places(tmp_path: Path) -> None:
    config = write(tmp_path, YAML.replace("URL", "nonsense").replace("every: 1s", "every: 1"))
    result = CliRunner().invoke(main, ["serve", "--config", str(config)])
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{config}:3:30: targets.vllm.url: is not a URL of an engine")
    assert second.startswith(f"{config}:5:22: scenarios.heartbeat.every: is not a duration")


def test_a_wrong_address_is_refused(tmp_path: Path) -> None:
    config = write(tmp_path, YAML.replace("URL", "http://127.0.0.1:9"))
    result = CliRunner().invoke(main, ["serve", "--config", str(config), "--listen", "nowhere"])
    assert result.exit_code == 2
    assert "--listen: is not an address to listen on; write host:port" in result.output


async def logged(log: asyncio.StreamReader, wanted: bytes) -> bytes:
    """The next line that holds these words."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while wanted not in (line := await log.readline()):
            assert line
        return line


async def test_sighup_reloads_and_says_what_is_wrong_with_a_configuration_that_it_does_not_take(tmp_path: Path) -> None:
    async with engine() as one:
        config = write(tmp_path, YAML.replace("URL", one.url))
        async with serving("--config", str(config), "--no-watch") as (process, url, log):
            write(tmp_path, YAML.replace("URL", one.url).replace("1s", "often"))
            process.send_signal(signal.SIGHUP)
            line = await logged(log, b"was not reloaded")
            assert b"chatprobe.yaml:5:22: scenarios.heartbeat.every:" in line
            write(tmp_path, YAML.replace("URL", one.url).replace("heartbeat", "renamed"))
            process.send_signal(signal.SIGHUP)
            assert b"renamed" in await logged(log, b"configuration reloaded")
            async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
                text = await response.text()
            assert 'scenario="renamed"' in text
            assert 'scenario="heartbeat"' not in text
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0


async def test_the_address_on_the_command_line_outlasts_a_reload(tmp_path: Path) -> None:
    async with engine() as one:
        config = write(tmp_path, YAML.replace("URL", one.url))
        async with serving("--config", str(config), "--no-watch") as (process, url, log):
            process.send_signal(signal.SIGHUP)
            assert b"listen" not in await logged(log, b"configuration reloaded")
            async with aiohttp.ClientSession() as session, session.get(f"{url}/-/ready") as response:
                assert response.status == 200


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--shard", "4/3", "Invalid value for --shard: is not a shard; write one like 2/3, the second of three"),
        ("--lease", "chatprobe", "Invalid value for --lease: is not the name of a lease; write NAMESPACE/NAME"),
    ],
)
def test_what_is_no_shard_and_no_lease(option: str, value: str, text: str) -> None:
    result = CliRunner().invoke(main, ["serve", option, value])
    assert result.exit_code == 2
    assert text in result.output


def test_a_lease_needs_a_cluster(tmp_path: Path) -> None:
    config = write(tmp_path, YAML.replace("URL", "http://127.0.0.1:9"))
    done = subprocess.run(
        [sys.executable, "-m", "cli", "serve", "--config", str(config), "--listen", "127.0.0.1:0", "--lease", "monitoring/chatprobe"],
        env={**os.environ, "KUBECONFIG": str(tmp_path / "none"), "KUBERNETES_SERVICE_HOST": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Error: a lease needs a cluster: there is no cluster to talk to: " in done.stderr


async def test_without_a_file_it_serves_the_targets_that_are_given() -> None:
    async with engine() as one, serving("--target", f"mine={one.url}/v1") as (process, url, _):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await one.asked.wait()
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
            seen = await response.text()
        assert 'target="mine"' in seen
        assert 'scenario="heartbeat"' in seen
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0


async def test_on_a_terminal_targets_that_are_given_are_a_live_table() -> None:
    ours, theirs = pty.openpty()
    async with engine() as one:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "serve", "--listen", "127.0.0.1:0", "--target", one.url),
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(theirs)
        shown = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "TTFT ms" not in shown:
                shown += (await asyncio.to_thread(os.read, ours, 65536)).decode()
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how a terminal says that its other end is closed
            while piece := await asyncio.to_thread(os.read, ours, 65536):
                shown += piece.decode()
        os.close(ours)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    assert f"Keep it: chatprobe init --target={one.url}, then chatprobe serve" in shown
    assert "answers vLLM, by its /version." in shown
    assert "level=info" not in shown


def test_targets_stand_in_a_file_or_are_given() -> None:
    result = CliRunner().invoke(main, ["serve", "--config", "a.yaml", "--target", "http://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "give --config or --target, not both" in result.output
