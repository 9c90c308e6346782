"""What `chatprobe probe` shows of its chats, as far as their records alone tell it."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli import summary
from cli.quantiles import quantile, weighted_quantile
from cli.waterfall import chat_report, gathered_lines, printable, waterfall
from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.own_account import Native
from probes.record import ChatRecord, Milestones
from tests.exporter.chats import chat, gathered

SECOND = 1_000_000_000
SENT_NS = SECOND // 2


def record(*, failure: Failure | None = None) -> ChatRecord:
    """A chat of ten seconds: a quarter to connect, a quarter to send, two and a half to the first token, the rest of the tokens."""
    return ChatRecord(
        target="vllm",
        backend="vllm",
        model="tiny",
        scenario="cli",
        request_id="0" * 32,
        prompt_id="text",
        cache="cold",
        started_at=0.0,
        started_ns=0,
        ended_ns=10 * SECOND,
        outcome="ok" if failure is None else "failed",
        failure=failure,
        milestones=Milestones(connected_ns=SECOND // 4, request_sent_ns=SENT_NS),
        sent_ns=SENT_NS,
        chunks=(Chunk(3 * SECOND, 1), Chunk(5 * SECOND, 1)),
        finished_ns=None if failure else 10 * SECOND,
        connection="fresh",
    )


def test_bars_stand_where_their_phases_lie() -> None:
    lines = [line.plain for line in waterfall(record(), 63, block="#")]  # 40 columns of bars for 10 seconds
    assert [line[10:50] for line in lines] == [
        " " * 40,
        "#" + " " * 39,
        " " * 40,
        " #" + " " * 38,
        "  " + "#" * 10 + " " * 28,
        " " * 12 + "#" * 28,
    ]
    assert [line[50:].strip() for line in lines] == ["-", "0.25000 s", "-", "0.25000 s", "2.50000 s", "7.00000 s"]


@pytest.mark.parametrize("columns", range(25))
def test_the_narrowest_terminal_has_a_block_a_phase(columns: int) -> None:
    blocks = [line.plain.count("#") for line in waterfall(record(), columns, block="#")]
    assert blocks == [0, 1, 0, 1, 1, 1]


def test_a_chat_that_fails_at_once_makes_no_engine_quick() -> None:
    failed = replace(record(failure=Failure(Reason.INTERNAL, "no socket to be had", 1)), chunks=(), ended_ns=1)
    console = Console(width=100, record=True, file=StringIO())
    console.print(summary.summary_table([record(), failed]))
    (e2e,) = [line for line in console.export_text().splitlines() if "E2E s" in line]
    assert [cell.strip() for cell in e2e.strip("│ ").split("│")[1:]] == ["10.00"] * 6


def test_what_the_engine_tells_stands_around_the_first_token() -> None:
    native = Native(queue_seconds=0.5, prefill_seconds=1.5, decode_seconds=2.0)
    lines = [line.plain for line in waterfall(replace(record(), native=native), 70, block="#")][-3:]  # 40 columns of bars for 10 seconds
    assert [line[:17].strip() for line in lines] == ["server queue", "server prefill", "server decode"]
    assert [line[17:57] for line in lines] == [
        "    " + "##" + " " * 34,
        "      " + "#" * 6 + " " * 28,
        " " * 12 + "#" * 8 + " " * 20,
    ]
    assert [line[57:].strip() for line in lines] == ["0.50000 s", "1.50000 s", "2.00000 s"]


def test_an_engine_that_says_it_took_longer_than_the_wait_begins_with_the_chat() -> None:
    load, prefill = [line.plain for line in waterfall(replace(record(), native=Native(load_seconds=5.0, prefill_seconds=1.0)), 70, block="#")][-2:]
    assert load[17:57] == "#" * 20 + " " * 20
    assert prefill[17:57] == " " * 20 + "#" * 4 + " " * 16


def test_of_a_chat_without_a_token_the_engine_tells_nothing() -> None:
    silent = replace(record(), chunks=(), finished_ns=None, native=Native(queue_seconds=0.5, prefill_seconds=1.5))
    assert len(list(waterfall(silent, 70, block="#"))) == 6


def report(of: ChatRecord) -> list[str]:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(chat_report(of, url="http://engine", console=console, with_text=False))
    return [line.rstrip() for line in shown.get().splitlines()]


def test_what_is_odd_of_an_answer_is_told() -> None:
    """A compressed answer of 5 tokens in 2 chunks, 2 s apart, whose engine says that a token took it 0.2 s."""
    odd = replace(
        record(),
        output_tokens=5,
        token_source="usage",
        chunks=(Chunk(3 * SECOND, 2), Chunk(5 * SECOND, 3)),
        chunk_token_source="apportioned",
        content_encoding="gzip",
        native=Native(decode_seconds=0.8),
    )
    shown = report(odd)
    assert "  coding  gzip, unasked; what compresses may hold tokens back" in shown
    assert "  TPOT    666.67 ms, 3.3 times the 200.00 ms that the engine tells" in shown
    assert any(line.startswith("  tokens  5 out in 2 chunks (apportioned by length of text), ? in") for line in shown)
    hidden = replace(odd, chunks=(Chunk(3 * SECOND, None), Chunk(5 * SECOND, None)), chunk_token_source=None)
    assert "  TPOT    -" in report(hidden)
    assert any("2 chunks (how many in each cannot be told)" in line for line in report(hidden))


def test_what_is_usual_is_not_told() -> None:
    assert not any(word in line for line in report(record()) for word in ("coding", "times", "apportioned"))


def test_a_failed_chat_says_why_and_what_to_do(tmp_path: Path) -> None:
    failed = record(failure=Failure(Reason.TRUNCATED, "ended \x1b[2Jearly", 10 * SECOND))
    with (tmp_path / "out").open("w+", encoding="ascii", errors="replace") as file:
        console = Console(file=file, width=80)
        console.print(chat_report(failed, url="http://127.0.0.1:1", console=console, with_text=False))
        file.seek(0)
        out = file.read()
    assert "failed: truncated: ended ?[2Jearly" in out
    assert "remedy: something cut the connection" in out
    assert "#" in out


def test_a_chat_whose_tokens_were_gathered_says_how_and_what_to_do(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        console = Console(file=file, width=200)
        console.print(chat_report(gathered(), url="http://127.0.0.1:1", console=console, with_text=False))
        file.seek(0)
        *_, said, remedies = file.read().splitlines()
    assert said == "gathered: some 10 chunks at once, each 200.00 ms: something on the way holds them back, and their times are not the engine's"
    assert remedies.startswith("remedy: HAProxy: option http-no-delay, or TLS; OpenShift: a Route with edge TLS, or the Service itself; nginx: ")


def test_a_whole_answer_at_once_is_said_as_such() -> None:
    (said, _) = (line.plain for line in gathered_lines(gathered(bursts=1, chunks=40)))
    assert said.startswith("gathered: all tokens at once: ")


def test_of_several_chats_it_is_said_of_how_many() -> None:
    lines = [line.plain for line in summary.gathered([chat(), gathered(), gathered()])]
    assert lines[0] == "2 of 3 chats"
    assert lines[1].startswith("gathered: some 10 chunks at once")
    assert list(summary.gathered([chat(), chat(tokens=40)])) == []


def test_nothing_moves_the_terminals_cursor() -> None:
    assert printable("a\x1b[1m\tb\n\x07\x9b") == "a\ufffd[1m\tb\n\ufffd\ufffd"


def test_quantiles_are_values_that_were_seen() -> None:
    assert [quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0.0, 0.25, 0.26, 0.5, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0]
    assert weighted_quantile([(1.0, 9), (5.0, 1)], 0.9) == 1.0
    assert weighted_quantile([(1.0, 9), (5.0, 1)], 0.91) == 5.0
    assert quantile([], 0.5) is None
