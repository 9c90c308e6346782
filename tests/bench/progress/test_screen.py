"""The screen as a person sees it, at 80 and at 120 columns."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from bench.events import End, RunEnded
from bench.progress.screen import minutes, screen, time_of
from tests.bench.progress.played import Played


def run() -> Played:
    """In the middle of the second round: one engine is well, one fails now and then."""
    played = Played(levels=(("10 users", 180.0), ("40 users", 180.0)))
    played.level("10 users")
    level = played.level()
    played.round(level, 1, [0.05] * 95 + [0.25] * 5)
    block = played.begin("tgi", 2)
    for number in range(40):
        failed = number % 4 == 0
        played.chat(block, "failed" if failed else "ok", None if failed else 1.2, "connect" if failed else None)
    played.now += 12
    return played


def drawn(played: Played, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(screen(played.board, width))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_at_80_columns() -> None:
    assert drawn(run(), 80) == [
        "quick · level 2 of 2: 40 users · round 2 of 3 · block 1 of 2 (tgi)",
        "━━━━━━━━━━━━━━━━                         0:12 of 0:30 · about 1:48 left",
        "engine   TTFT p50      p95   TPOT p50   tokens/s    ok   failed",
        "───────────────────────────────────────────────────────────────",
        "vllm        50 ms    50 ms      20 ms        200   100        0",
        "tgi         50 ms   1.21 s      20 ms        203   130       10",
        "failed  tgi: 10 connect",
        "TTFT p95 is known to: vllm not yet, tgi not yet",
        "Ctrl-C ends the run and keeps what was measured.",
    ]


def test_at_120_columns_there_is_more() -> None:
    lines = drawn(run(), 120)
    assert lines[2] == "engine   TTFT p50      p90      p95   TPOT p50     p95   tokens/s    ok   failed"
    assert lines[4] == "vllm        50 ms    50 ms    50 ms      20 ms   20 ms        200   100        0"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal_however_long_names_are(width: int) -> None:
    played = Played(targets=("a-target-with-a-very-long-name-indeed", "another-target-with-a-very-long-name"))
    level = played.level("120 users")
    played.round(level, 1, [61.0] * 2000)
    lines = drawn(played, width)
    assert max(map(len, lines)) <= width
    assert any("2,000" in line for line in lines)
    assert any(line.startswith("a-target-with") for line in lines)


def test_before_the_first_level_it_says_what_it_does() -> None:
    assert drawn(Played(), 80) == ["looking at the engines …"]


def test_phases_of_a_block_are_named() -> None:
    played = Played()
    played.level()
    block = played.begin("vllm", 1)
    assert drawn(played, 80)[0].endswith("(vllm) · warming up")
    played.now += 31
    assert drawn(played, 80)[0].endswith("(vllm) · the last chats end")
    played.end(block, after=1)
    assert drawn(played, 80)[0].endswith("between blocks")


def test_when_it_is_over_it_says_how() -> None:
    played = run()
    played.board(RunEnded(End.INTERRUPTED, "it was interrupted"))
    lines = drawn(played, 80)
    assert lines[-1] == "the run is over: interrupted (it was interrupted)"
    assert not any("left" in line for line in lines)


def test_messages_have_their_time() -> None:
    played = run()
    played.board.say("3 chats in a row with tgi failed (connect)")
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d  3 chats in a row with tgi failed \(connect\)", line) for line in drawn(played, 80))


def test_times_as_people_read_them() -> None:
    assert [minutes(seconds) for seconds in (0, 45, 750, 3725)] == ["0:00", "0:45", "12:30", "1:02:05"]
    assert [time_of(seconds) for seconds in (None, 0.0045, 0.045, 1.2)] == ["-", "4.5 ms", "45 ms", "1.20 s"]
