from __future__ import annotations

import asyncio
import signal
import socket
import sys

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.simulator.raw import CHAT, ask, chat, events
from tests.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_prints_its_address_serves_and_stops_cleanly(number: signal.Signals) -> None:
    arguments = ["simulate", "vllm", "--decode-ms", "1", "--model", "a", "--model", "b"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from cli.main import main; main()", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    engine, _, url = (await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)).decode().strip().partition(" ")
    assert engine == "vllm"
    assert len(events(await ask(url, "POST", CHAT, chat(3, model="b")))) == 4
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    assert await process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vllm", "--fault", "silent-end"], "vllm cannot show the fault 'silent-end'; only ollama"),
        (["vllm", "--kv-blocks", "1"], "cannot hold one request of 8192 tokens"),
        (["vllm", "--decode-ms", "0"], "must be above 0"),
        (["ollama", "--copy", "other=tiny"], "no such model: other; the models are tiny"),
        (["vllm", "--host", "192.0.2.1"], "Cannot assign requested address"),
    ],
)
def test_what_cannot_be_simulated_is_told(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["simulate", *arguments])
    assert result.exit_code == 1
    assert message in result.output


def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["simulate", "vllm", "--port", str(port)])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: port {port} of 127.0.0.1 is in use by another program; stop it, or choose another with --port")


def test_lists_the_faults() -> None:
    result = CliRunner().invoke(main, ["simulate", "--list-faults"])
    assert result.exit_code == 0
    assert "stall[:AFTER=1][:SECONDS]" in result.output


def test_a_copy_names_what_it_is_a_copy_of() -> None:
    result = CliRunner().invoke(main, ["simulate", "ollama", "--copy", "other"])
    assert result.exit_code == 2
    assert "'other' is not NAME=OF" in result.output
