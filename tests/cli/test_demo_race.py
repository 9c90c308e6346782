"""The other ways to see engines answer side by side: conversations, own prompts, and a real terminal."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.race_input import lines
from tests.cli.processes import ended
from tests.recordings import BEGIN, END, PAGES, chatprobe, terminal


def test_a_conversation_brings_what_was_said_and_shows_what_the_cache_saves(tmp_path: Path) -> None:
    records = tmp_path / "conversation.ndjson"
    done = ended("demo", "conversation", "--about", "code-review", "--turns", "3", "--max-tokens", "60", "--records", str(records))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("SIMULATED ENGINES")
    assert [line.split()[:2] for line in lines if line.startswith("turn ") and ">" in line] == [["turn", "1"], ["turn", "2"], ["turn", "3"]]
    rows = [line.split() for line in lines if line.strip() and line.split()[0] in ("1", "2", "3")]
    prompts = [int(row[1].replace(",", "")) for row in rows]
    assert prompts[0] < prompts[1] < prompts[2]
    assert all(row.count("/") == 3 for row in rows)
    assert any("prefix cache" in line for line in lines)


def test_without_contrast_no_tokens_are_spent_on_it(tmp_path: Path) -> None:
    records = tmp_path / "conversation.ndjson"
    done = ended("demo", "conversation", "--turns", "1", "--max-tokens", "4", "--no-contrast", "--records", str(records))
    assert done.returncode == 0
    assert len(records.read_text().splitlines()) == 3
    assert "prefix cache" not in done.stdout


def test_own_prompts_are_answered_line_by_line_until_an_empty_one(tmp_path: Path) -> None:
    records = tmp_path / "try.ndjson"
    done = ended("demo", "try", "--max-tokens", "4", "--records", str(records), stdin="zebra\nsecond \x1b[31m\n\nnever asked\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(records.read_text().splitlines()) == 6
    assert "zebra" not in records.read_text()
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("SIMULATED ENGINES")


@pytest.mark.parametrize(("written", "read"), [(b"one\ntwo", ["one", "two"]), (b"\xe2\x82", ["\ufffd"]), (b"", []), (b"a\n\nb\n", ["a", "", "b"])])
async def test_what_is_typed_comes_line_by_line(written: bytes, read: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inner, outer = os.pipe()
    os.write(outer, written)
    os.close(outer)
    file = tmp_path / "typed"
    file.write_bytes(written)
    for source in (os.fdopen(inner), file.open()):  # a file cannot be watched as a pipe is
        with source:
            monkeypatch.setattr("sys.stdin", source)
            assert [line async for line in lines(asyncio.Event())] == read


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "127.0.0.1:0", "race"], "--listen is for chatprobe demo alone, and not for race"),
        (["--duration", "3", "try"], "--duration is for chatprobe demo alone"),
        (["conversation", "--about", "nonesuch"], "there is no prompt set nonesuch; there are casual"),
        (["conversation", "--about", "creative", "--turns", "9"], "creative has 4 turns; give no more"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert result.exit_code == 2
    assert said in result.output


@pytest.fixture
def tmux() -> None:
    if shutil.which("tmux") is None:
        assert "CI" not in os.environ, "tmux is missing"
        pytest.skip("tmux is missing")


@pytest.mark.usefixtures("tmux")
def test_on_a_terminal_answers_type_themselves_side_by_side() -> None:
    with terminal(chatprobe("race", "--rounds", "1"), columns=80, lines=24) as shown:
        amidst = shown.when(lambda screen: "▌" in screen)
        at_end = shown.when(lambda screen: "ended 0" in screen)
    assert "SIMULATED ENGINES" in amidst
    header = next(line for line in amidst.splitlines() if "● vllm" in line)
    assert "■ tgi" in header
    assert "▲ ollama" in header
    assert "~" in amidst
    assert "round 1 of 1" in at_end
    assert "▌" not in at_end[at_end.index("SIMULATED") :]
    assert max(map(len, at_end.splitlines())) <= 80


@pytest.mark.usefixtures("tmux")
def test_ctrl_c_leaves_the_prompt_of_try_at_once() -> None:
    with terminal(chatprobe("demo", "try"), columns=100, lines=30) as shown:
        shown.when(lambda screen: "Your prompt" in screen)
        shown.type("C-c")
        began = time.monotonic()
        screen = shown.when(lambda screen: "ended 130" in screen)
        assert time.monotonic() - began < 60
    assert "Traceback" not in screen


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_the_recording_in_the_documentation_is_of_the_form_that_is_drawn(file: Path) -> None:
    page = file.read_text("utf-8")
    block = page[page.index(BEGIN) + len(BEGIN) : page.index(END)]
    lines = block.splitlines()
    assert lines[0].startswith("SIMULATED ENGINES")
    assert lines[1].startswith("chatprobe race: one prompt, 3 engines, the same instant")
    for part in ("● vllm", "■ tgi", "▲ ollama", "TTFT ~", "TPOT ~", "TTFT median", "Time to first token, beside ", "Time per token, beside "):
        assert part in block
    assert max(map(len, lines)) <= 100
