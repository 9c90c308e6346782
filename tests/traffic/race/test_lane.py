"""What is shown of an answer while it comes, and once it was measured."""

from __future__ import annotations

from probes.failure import Reason
from probes.piece import Piece
from tests.exporter.chats import MS, chat, failed
from traffic.events import SkipReason
from traffic.race.figures import Figures, of_line, of_record, of_skip
from traffic.race.lane import Lane


def test_it_ticks_by_what_has_come_and_then_shows_the_record() -> None:
    lane = Lane("vllm", "vllm")
    assert lane.waited_seconds(0) is None
    lane.begin(0)
    lane.sent(100 * MS)
    assert lane.waited_seconds(350 * MS) == 0.25
    for at_ms, tokens, text in ((400, 1, "one"), (440, 2, " two three"), (460, 1, " four")):
        lane.hear(Piece(at_ms * MS, tokens, text))
    assert lane.waited_seconds(500 * MS) is None
    assert (lane.ttft_seconds, lane.tpot_seconds, lane.tokens) == (0.3, 0.02, 4)
    assert lane.tokens_per_second == 4 / 0.36
    assert lane.text == "one two three four"
    lane.end(Figures(ttft_seconds=0.31, tpot_seconds=0.021, tokens_per_second=9.0))
    assert (lane.ttft_seconds, lane.tpot_seconds, lane.tokens_per_second) == (0.31, 0.021, 9.0)


def test_reasoning_starts_the_clock_and_is_no_answer() -> None:
    lane = Lane("vllm", "vllm")
    lane.begin(0)
    lane.hear(Piece(50 * MS, 1, "", "hm"))
    assert (lane.ttft_seconds, lane.text, lane.thoughts) == (0.05, "", "hm")


def test_a_new_question_forgets_the_answer_before() -> None:
    lane = Lane("vllm", "vllm")
    lane.begin(0)
    lane.hear(Piece(50 * MS, 1, "old", "hm"))
    lane.end(Figures(ttft_seconds=0.05))
    lane.begin(900 * MS)
    assert (lane.text, lane.thoughts, lane.tokens, lane.figures, lane.ttft_seconds) == ("", "", 0, None, None)


def test_figures_are_the_records_own_and_the_same_once_it_was_written_down() -> None:
    for record in (chat(), failed(Reason.STALLED, chunks=chat().chunks), chat(outcome="cancelled", finished_ns=None)):
        assert of_line(record.to_json()) == of_record(record)
    assert of_record(chat()).trouble == ""
    assert of_record(failed(Reason.CONNECT)).trouble == "failed: connect: it was connect"


def test_why_an_engine_was_not_asked_is_said_for_every_reason() -> None:
    for reason in SkipReason:
        assert of_skip(reason).trouble.startswith("not asked: ")
