"""`chatprobe race`, from the command line to the records that it leaves, and these replayed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from simulator import Latency, Options, simulated
from tests.cli.processes import ended, started
from tests.waiting import PATIENCE_SECONDS

SLOW = Options(latency=Latency(decode_seconds=0.2), answer_tokens=2000)
SECRET_PROMPT = "the launch is on Thursday"


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a race of three rounds with simulated engines prints where there is no terminal, and its records."""
    folder = tmp_path_factory.mktemp("race")
    records = folder / "race.ndjson"
    options = ("--rounds", "3", "--max-tokens", "24", "--records", str(records), "--text", "--prompt", SECRET_PROMPT)
    done = ended("race", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, records


def test_each_answer_has_a_line_and_the_result_says_who_differs(raced: tuple[str, Path]) -> None:
    out, _ = raced
    lines = out.splitlines()
    assert lines[0].startswith("SIMULATED ENGINES")
    assert lines[-1] == lines[0]
    for number in (1, 2, 3):
        names = [line.split()[2] for line in lines if line.startswith(f"round {number} ")]
        assert names == ["vllm", "tgi", "ollama"]
    assert sum(line.endswith(", first") for line in lines) <= 3
    medians = [line for line in lines if " TTFT median " in line]
    assert [line.split()[0] for line in medians] == ["vllm", "tgi", "ollama"]
    [tpot] = [line for line in lines if line.startswith("Time per token, beside ")]
    assert " times as long (" in tpot
    assert "\x1b" not in out


def test_records_tell_the_pair_and_the_text_but_not_the_prompt(raced: tuple[str, Path]) -> None:
    out, path = raced
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 9
    assert len({record["pair_id"] for record in records}) == 3
    assert all(record["scenario"] == "simulated-race" and record["text"] for record in records)
    assert SECRET_PROMPT not in path.read_text() + out


def test_it_can_be_replayed_with_its_text(raced: tuple[str, Path], tmp_path: Path) -> None:
    _, path = raced
    runner = CliRunner()
    assert runner.invoke(main, ["results", "import", str(path), "--output-dir", str(tmp_path)]).exit_code == 0
    result = runner.invoke(main, ["results", "replay", "race", "--output-dir", str(tmp_path), "--speed", "100", "--count", "2"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "SIMULATED ENGINES" in lines[1]
    assert "shared out evenly" in lines[1]
    assert [line.split()[1] for line in lines if line.startswith("text ")] == ["ollama", "tgi", "vllm"] * 2
    assert lines[-1].startswith("2 of 3 were shown")
    pair = json.loads(path.read_text().splitlines()[-1])["pair_id"]
    result = runner.invoke(main, ["results", "replay", "race", "--output-dir", str(tmp_path), "--speed", "100", "--chat", pair[:12]])
    assert len([line for line in result.output.splitlines() if line.startswith("text ")]) == 3
    result = runner.invoke(main, ["results", "replay", "race", "--output-dir", str(tmp_path), "--chat", "nonesuch"])
    assert result.exit_code == 1
    assert "has no chat nonesuch" in result.output


def test_without_text_a_replay_says_that_it_shows_blocks(raced: tuple[str, Path], tmp_path: Path) -> None:
    _, path = raced
    silent = tmp_path / "silent.ndjson"
    silent.write_text("".join(json.dumps({**json.loads(line), "text": None}) + "\n" for line in path.read_text().splitlines()))
    runner = CliRunner()
    assert runner.invoke(main, ["results", "import", str(silent), "--output-dir", str(tmp_path)]).exit_code == 0
    result = runner.invoke(main, ["results", "replay", "silent", "--output-dir", str(tmp_path), "--speed", "100"])
    assert result.exit_code == 0, result.output
    assert "Each ▪ is a token" in result.output


def test_a_run_without_chunks_cannot_be_replayed(raced: tuple[str, Path], tmp_path: Path) -> None:
    _, path = raced
    bare = tmp_path / "bare.ndjson"
    bare.write_text("".join(json.dumps({**json.loads(line), "chunks": []}) + "\n" for line in path.read_text().splitlines()))
    runner = CliRunner()
    assert runner.invoke(main, ["results", "import", str(bare), "--output-dir", str(tmp_path)]).exit_code == 0
    result = runner.invoke(main, ["results", "replay", "bare", "--output-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "does not tell when tokens came" in result.output


async def test_an_engine_that_is_not_there_makes_it_fail_and_is_told() -> None:
    async with simulated("vllm", Options(answer_tokens=8)) as engine:
        config = f"targets: {{up: {{backend: vllm, url: '{engine.url}'}}, down: {{backend: tgi, url: 'http://127.0.0.1:1'}}}}\n"
        process = await started("race", "--config", "/dev/stdin", "--rounds", "1")
        out, _ = await asyncio.wait_for(process.communicate(config.encode()), PATIENCE_SECONDS)
    assert process.returncode == 1
    text = out.decode()
    assert "SIMULATED" not in text
    assert "down  failed: connect" in text
    assert "up    TTFT median" in text


async def test_ctrl_c_ends_it_at_once_and_keeps_what_was_over() -> None:
    async with simulated("vllm", SLOW) as engine:
        process = await started("race", "--target", engine.url, "--rounds", "50", "--max-tokens", "5")
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert line.startswith(b"round 1  vllm")
        os.kill(process.pid, signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert b"TTFT median" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text"], "--text is for --records"),
        (["--targets", "a"], "--targets chooses among those of a configuration"),
        (["--prompt", "a", "--prompt-file", sys.executable], "give one of --prompt and --prompt-file"),
        (["--prompt-file", sys.executable], "is not UTF-8; save it as UTF-8"),
        (["--prompt", "a", "--prompt-set", "casual"], "give one of --prompt, --prompt-set and --input-tokens"),
        (["--prompt", " "], "a prompt is not empty"),
        (["--prompt-set", "nonesuch"], "there is no prompt set nonesuch"),
        (["--rounds", "0"], "0 is not in the range"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["race", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_targets_that_are_none_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "chatprobe.yaml"
    config.write_text("targets: {a: {backend: vllm, url: 'http://127.0.0.1:1'}}\n")
    done = ended("race", "--config", str(config), "--targets", "b")
    assert (done.returncode, done.stderr) == (1, "Error: b is no target; there are a\n")
    config.write_text("targets: {a: {backend: vllm, url: 3}}\n")
    done = ended("race", "--config", str(config))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{config}:1:")
