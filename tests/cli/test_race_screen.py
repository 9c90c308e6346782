"""A race as it is drawn: it fits the terminal whatever its size, and nothing that an engine says reaches it raw."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console
from rich.control import strip_control_codes

from cli.race_screen import Picture, drawn
from cli.race_showing import answer_line, say
from probes.backends import names
from probes.piece import Piece
from traffic.race.figures import Figures
from traffic.race.lane import Lane

MS = 1_000_000
HOSTILE = "\x1b]0;owned\x07 \x1b[2J\x1b[31m red \u202egnp.exe [bold]markup[/] :smile: \r\b\x9b31m \u200f \ud83d end"
FOREIGN = "漢字" * 200 + "e\u0301" * 100 + "🙂" * 100


def console_of(columns: int, lines: int, *, colours: bool = False, encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding, errors="replace", write_through=True)
    console = Console(
        file=file,
        width=columns,
        height=lines,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    return console, written


def lanes_of(count: int, said: str = "A word. " * 100) -> list[Lane]:
    lanes = []
    for number, backend in zip(range(count), itertools.cycle(names()), strict=False):
        lane = Lane(f"{backend}-{number}", backend, "a/model-with-a-name-that-goes-on-and-on")
        lane.begin(0)
        if number % 4 != 3:
            lane.hear(Piece(40 * MS, 1, said[:1]))
            lane.hear(Piece(900 * MS, 99, said[1:]))
        if number % 4 == 1:
            lane.end(Figures(0.0412, 0.0123, 81.2, 1234))
        if number % 4 == 2:
            lane.end(Figures(trouble=f"failed: connect: {HOSTILE}"))
        lanes.append(lane)
    return lanes


def lines_of(picture: Picture, columns: int, lines: int) -> list[str]:
    console, written = console_of(columns, lines)
    console.print(drawn(picture, console, 1000 * MS))
    return written.getvalue().decode().splitlines()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 50), (120, 40), (60, 20), (40, 15), (80, 200)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 12, 20])
@pytest.mark.parametrize("said", ["A word. " * 100, HOSTILE * 20, FOREIGN])
def test_it_fits_whatever_the_size_and_the_number_of_engines(columns: int, lines: int, count: int, said: str) -> None:
    picture = Picture("chatprobe race", lanes_of(count, said), 128, note="SIMULATED ENGINES", place="round 1 of 5", prompt="Why? " * 60)
    shown = lines_of(picture, columns, lines)
    assert len(shown) < lines
    assert "SIMULATED ENGINES" in shown[0]
    assert any("openai-0" in line or "vllm-0" in line or f"{names()[0]}-0" in line for line in shown)


def test_every_engine_is_named_with_its_figures() -> None:
    picture = Picture("chatprobe race", lanes_of(4), 128, first="vllm-0")
    picture.first = picture.lanes[1].name
    text = "\n".join(lines_of(picture, 160, 40))
    for lane in picture.lanes:
        assert lane.name in text
    assert "TTFT ~40.0 ms" in text
    assert "TTFT 41.2 ms  first" in text
    assert "1,234 tokens, 81.2/s" in text
    assert "waiting 1.00 s" in text
    assert "failed: connect" in text


def test_who_has_begun_first_leads_until_the_records_tell() -> None:
    picture = Picture("chatprobe race", [Lane("a", "vllm"), Lane("b", "tgi")], 128)
    for lane, at_ms in zip(picture.lanes, (90, 40), strict=True):
        lane.begin(0)
        lane.hear(Piece(at_ms * MS, 1, "x"))
    assert "TTFT ~40.0 ms  leads" in "\n".join(lines_of(picture, 80, 24))
    for lane in picture.lanes:
        lane.end(Figures(ttft_seconds=0.05))
    text = "\n".join(lines_of(picture, 80, 24))
    assert "leads" not in text
    assert "first" not in text


def test_the_end_of_a_long_answer_is_shown() -> None:
    lane = Lane("a", "vllm")
    lane.begin(0)
    lane.hear(Piece(MS, 200, " ".join(map(str, range(2000)))))
    text = "\n".join(lines_of(Picture("chatprobe race", [lane], 128), 80, 24))
    assert "1999▌" in text
    assert " 100 " not in text


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (40, 12)])
def test_nothing_that_an_engine_says_moves_the_terminal(columns: int, lines: int) -> None:
    lane = Lane("vllm", "vllm", HOSTILE)
    lane.begin(0)
    lane.hear(Piece(MS, 1, HOSTILE, HOSTILE))
    picture = Picture("chatprobe race", [lane], 128, prompt=HOSTILE)
    console, written = console_of(columns, lines)
    console.print(drawn(picture, console, 1000 * MS))
    lane.end(Figures(trouble=HOSTILE))
    console.print(drawn(picture, console, 1000 * MS))
    say([answer_line(lane, None), HOSTILE], console)
    text = written.getvalue().decode()
    assert not set(text) & set("\x1b\x07\r\b\x9b\u202e\u200f")
    assert text == strip_control_codes(text)
    assert "[bold]markup[/]" in text
    assert ":smile:" in text


def test_colours_are_the_engines_own_and_absent_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane("vllm", "vllm")
    lane.begin(0)
    console, written = console_of(80, 24, colours=True)
    console.print(drawn(Picture("chatprobe race", [lane], 128), console, MS))
    assert b"38;2;92;182;240" in written.getvalue()  # #5cb6f0
    monkeypatch.setenv("NO_COLOR", "1")
    console, written = console_of(80, 24, colours=True)
    console.print(drawn(Picture("chatprobe race", [lane], 128), console, MS))
    assert b"38;2;" not in written.getvalue()
    assert "● vllm" in written.getvalue().decode()


def test_a_terminal_without_these_characters_gets_others() -> None:
    lane = Lane("vllm", "vllm")
    lane.begin(0)
    lane.hear(Piece(MS, 1, "word"))
    console, written = console_of(80, 24, encoding="ascii")
    console.print(drawn(Picture("chatprobe race", [lane], 128), console, MS))
    text = written.getvalue().decode()
    assert "* vllm" in text
    assert "word_" in text
