"""Where the progress goes: a screen on a terminal, lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.progress import showing as shown
from bench.progress.showing import half_minute, showing
from tests.bench.progress.played import Played
from tests.waiting import eventually

WIDE = {"COLUMNS": "80", "TERM": "xterm-256color"}


async def test_without_a_terminal_each_block_is_a_line_and_so_is_each_message() -> None:
    file = io.StringIO()
    played = Played()
    async with showing(played.board, Console(file=file, width=80)) as listener:
        played.board, board = listener, played.board  # type: ignore[assignment]
        level = played.level(rounds=2)
        played.round(level, 1, [0.05] * 4)
        board.say("something happened")
    lines = file.getvalue().splitlines()
    assert lines == [
        "40 users, round 1 of 2, vllm: 4 chats, TTFT p50 50.0 ms, p95 50.0 ms",
        "40 users, round 1 of 2, tgi: 4 chats, TTFT p50 50.0 ms, p95 50.0 ms",
        "something happened",
    ]


async def test_without_a_terminal_it_says_now_and_then_how_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "LINES_EVERY_SECONDS", 0.01)
    file = io.StringIO()
    played = Played()
    async with showing(played.board, Console(file=file, width=80)):
        played.level()
        played.chat(played.begin("vllm", 1))
        await eventually(lambda: "vllm: TTFT p50 50 ms" in file.getvalue())
    assert "\x1b" not in file.getvalue()


async def test_a_run_goes_on_when_nobody_reads_along_any_more() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    played = Played()
    async with showing(played.board, Console(file=Closed(), width=80)) as listener:
        played.board, board = listener, played.board  # type: ignore[assignment]
        played.round(played.level(), 1, [0.05])
    assert board.standings["vllm"].ok == 1


def test_the_half_minutes_lines() -> None:
    played = Played()
    assert half_minute(played.board) == []
    played.level()
    block = played.begin("vllm", 1)
    played.chat(block)
    played.chat(block, "failed", None, "connect")
    played.now += 12
    assert half_minute(played.board) == [
        "quick · 40 users · round 1 of 3 · block 1 of 2 (vllm) · about 2:48 left of this level",
        "  vllm: TTFT p50 50 ms, p95 50 ms, 1 ok, 1 failed",
        "  failed  vllm: 1 connect",
    ]
    played.end(block)
    assert half_minute(played.board) == [], "between blocks there is nothing new"


async def test_on_a_terminal_it_is_a_screen_that_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "REFRESH_SECONDS", 0.01)
    file = io.StringIO()
    played = Played()
    async with showing(played.board, Console(file=file, force_terminal=True, width=80, _environ=WIDE)):
        played.level()
        played.chat(played.begin("vllm", 1))
        await eventually(lambda: "40 users" in file.getvalue())
    assert "\x1b[" in file.getvalue()
    assert "vllm" in file.getvalue()


async def test_colours_are_left_out_where_they_are_not_wanted() -> None:
    file = io.StringIO()
    played = Played()
    console = Console(file=file, force_terminal=True, width=80, _environ={**WIDE, "NO_COLOR": "1"})
    async with showing(played.board, console):
        played.level()
        played.chat(played.begin("vllm", 1), "failed", None, "connect")
    assert "\x1b[31m" not in file.getvalue()


async def test_a_terminal_can_be_told_to_have_lines_and_one_that_cannot_draw_has_them() -> None:
    for console, live in (
        (Console(file=io.StringIO(), force_terminal=True, width=80, _environ=WIDE), False),
        (Console(file=io.StringIO(), force_terminal=True, width=80, _environ={"TERM": "dumb"}), None),
    ):
        played = Played()
        async with showing(played.board, console, live=live) as listener:
            assert listener is not played.board
