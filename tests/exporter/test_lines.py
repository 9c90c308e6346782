"""Lines, logs and the file of records, on real pipes and files."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.types import EventDict

from config.reader import parse
from exporter.lines import LineWriter
from exporter.logs import ProbeLog, start_logging
from exporter.records import record_file
from probes.failure import Reason
from tests.exporter.chats import STARTED_AT, chat, failed
from tests.exporter.scrape import CONFIG
from traffic.events import Breaker, Skip, SkipReason
from traffic.roster import roster


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        os.close(descriptor)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_lines_arrive_whole_and_in_order(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LineWriter(writing, at_most=100)
    for number in range(50):
        writer.write(b"line %d" % number)
    writer.close()
    assert os.read(reading, 65536).splitlines() == [b"line %d" % number for number in range(50)]
    assert writer.lost == 0


def test_a_reader_that_hangs_costs_lines_and_never_time(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    writer = LineWriter(writing, at_most=10)
    for _ in range(1_000):
        writer.write(b"x" * 1_000)
    assert writer.lost > 900
    writer.close(within_seconds=0.01)
    os.set_blocking(reading, False)
    while True:  # let the thread end
        try:
            os.read(reading, 65536)
        except BlockingIOError:
            break


def test_lines_that_cannot_be_written_are_counted_and_said_once(tmp_path: Path) -> None:
    said: list[int | None] = []
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT)
    writer = LineWriter(descriptor, at_most=10, on_error=lambda error: said.append(error.errno))
    for _ in range(3):
        writer.write(b"x")
    writer.close()
    os.close(descriptor)
    assert (writer.lost, said) == (3, [errno.EBADF])


def test_a_line_that_was_torn_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = LineWriter(descriptor, at_most=10)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, hard))
        writer.write(b"too long")
        _until_lost(writer, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.write(b"whole")
    writer.close()
    os.close(descriptor)
    assert path.read_bytes() == b"too l\nwhole\n"
    assert writer.lost == 1


def _until_lost(writer: LineWriter, lost: int) -> None:
    for _ in range(1_000_000):
        if writer.lost == lost:
            return
        os.sched_yield()
    raise AssertionError("not lost")


def test_records_are_appended_as_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "records.ndjson"
    path.write_text('{"earlier": true}\n')
    with record_file(path) as sink:
        sink(chat())
        sink(failed(Reason.CONNECT))
    earlier, first, second = map(json.loads, path.read_text().splitlines())
    assert earlier == {"earlier": True}
    assert first == json.loads(json.dumps(chat().to_json()))
    assert second["reason"] == "connect"


def test_a_record_that_cannot_be_written_is_counted_and_logged() -> None:
    with capture_logs() as logs, record_file(Path("/dev/full")) as sink:
        sink(chat())
        sink(chat())
    assert sink.lost == 2
    assert [(line["event"], line["file"]) for line in logs] == [("a record was not written", "/dev/full")]


def test_logs_are_lines_of_keys_and_values(pipe: tuple[int, int], restored_logging: None) -> None:
    reading, writing = pipe
    writer = start_logging("info", writing)
    structlog.get_logger().debug("not this")
    structlog.get_logger().info("an event", detail='with "quotes" and\nbreaks', count=1)
    logging.getLogger("asyncio").error("from %s", "elsewhere")
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        structlog.get_logger().exception("broke")
    writer.close()
    lines = os.read(reading, 65536).decode().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("timestamp=2") for line in lines)
    assert lines[0].endswith('level=info event="an event" detail="with \\"quotes\\" and\\nbreaks" count=1')
    assert 'level=error event="from elsewhere" logger=asyncio' in lines[1]
    assert "RuntimeError: a bug" in lines[2]


def test_no_name_in_a_log_moves_the_cursor_or_turns_text_around(pipe: tuple[int, int], restored_logging: None) -> None:
    reading, writing = pipe
    writer = start_logging("info", writing)
    structlog.get_logger().info("probed", model="a\x1b[2J\u202eb\x9bc\x00é")
    writer.close()
    line = os.read(reading, 65536).decode().removesuffix("\n")
    assert line.isprintable()
    assert line.endswith(r"model=a\x1b[2J\u202eb\x9bc\x00é")


def told(logs: list[EventDict]) -> list[tuple[object, ...]]:
    """What stands in the log at the level `info`."""
    counts = ("alike_since_last_line", "failures_since_last_line")
    return [(line["event"], line.get("reason"), *(line[key] for key in counts if key in line)) for line in logs if line["log_level"] != "debug"]


def test_failures_of_a_kind_are_logged_once_a_minute_and_their_end_too() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        for second in range(5):
            sink(failed(Reason.CONNECT, started_at=STARTED_AT + second))
        sink(failed(Reason.STALLED, started_at=STARTED_AT + 5))
        sink(failed(Reason.CONNECT, started_at=STARTED_AT + 60))
        sink(failed(Reason.CONNECT, started_at=STARTED_AT + 61))
        sink(chat(started_at=STARTED_AT + 62))
        sink(chat(started_at=STARTED_AT + 122))
        sink(chat(started_at=STARTED_AT + 123))
        sink(failed(Reason.CONNECT, started_at=STARTED_AT + 124))
    assert told(logs) == [
        ("probe failed", "connect", 0),
        ("probe failed", "stalled", 0),
        ("probe failed", "connect", 4),
        ("probe succeeds again", None, 1),
        ("probe failed", "connect", 0),
    ]
    assert logs[0]["request_id"] == failed(Reason.CONNECT).request_id
    assert sum(line["event"] == "probe failed" for line in logs) == 9, "each one at debug"


def test_an_engine_that_fails_one_chat_in_five_is_a_line_a_minute() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        for number in range(20 * 180):
            at = STARTED_AT + number / 20
            sink(failed(Reason.SERVER_ERROR, started_at=at) if number % 5 == 0 else chat(started_at=at))
        for second in range(180, 260, 10):
            sink(chat(started_at=STARTED_AT + second))
    assert told(logs) == [
        ("probe failed", "server_error", 0),
        ("probe failed", "server_error", 239),
        ("probe failed", "server_error", 239),
        ("probe succeeds again", None, 239),
    ]


def test_breakers_are_logged_when_they_open_and_when_they_close() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        for is_open in (False, True, False, True):
            sink(Breaker("vllm", open=is_open))
    assert [line["event"].partition(":")[0] for line in logs] == ["breaker opened", "breaker closed", "breaker opened"]


def test_each_check_that_fails_is_logged_with_how_the_answer_began() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        for check in ("greets", "long", "greets"):
            sink(failed(Reason.VALIDATION, failed_check=check, answer_head="Good day"))
        sink(failed(Reason.CONNECT))
    assert [(line.get("failed_check"), line.get("answer_head")) for line in logs if line["log_level"] != "debug"] == [
        ("greets", "Good day"),
        ("long", "Good day"),
        (None, None),
    ]


def skip(reason: SkipReason, after_seconds: float, count: int = 1, target: str = "vllm") -> Skip:
    return Skip(target, "heartbeat", reason, STARTED_AT + after_seconds, count)


def test_what_is_not_sent_is_logged_at_once_then_once_a_minute_and_its_end_when_all_was_sent_for_a_minute() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        for second in range(0, 70, 10):
            sink(skip(SkipReason.TARGET_BUSY, second, count=2))
            sink(chat(started_at=STARTED_AT + second))
        sink(skip(SkipReason.MISSED, 70))
        sink(chat(started_at=STARTED_AT + 100))
        sink(failed(Reason.CONNECT, started_at=STARTED_AT + 131))
        sink(chat(target="tgi"))
    assert [(line["log_level"], line["event"], line.get("reason"), line.get("count"), line.get("alike_since_last_line")) for line in logs] == [
        ("warning", "chat not sent", "target_busy", 2, 0),
        ("warning", "chat not sent", "target_busy", 2, 10),
        ("warning", "chat not sent", "missed", 1, 0),
        ("info", "chats are sent again", None, None, None),
        ("warning", "probe failed", "connect", None, 0),
    ]


def test_a_scenario_that_rests_is_no_warning_and_what_a_breaker_holds_back_has_its_own_line() -> None:
    with capture_logs() as logs:
        sink = ProbeLog()
        sink(skip(SkipReason.BREAKER, 0))
        sink(skip(SkipReason.INACTIVE, 0))
        sink(skip(SkipReason.INACTIVE, 15))
        sink(chat(started_at=STARTED_AT + 30))
        sink(chat(started_at=STARTED_AT + 90))
    assert [(line["log_level"], line["event"]) for line in logs] == [("debug", "chat not sent"), ("debug", "chats are sent again")]


def test_what_is_not_followed_any_more_is_forgotten() -> None:
    config = parse(CONFIG).config
    with capture_logs() as logs:
        sink = ProbeLog()
        for _ in range(2):
            sink(failed(Reason.CONNECT))
            sink(skip(SkipReason.TARGET_BUSY, 0))
            sink.forget_others(roster(config.model_copy(update={"targets": {}})))
    assert [line["event"] for line in logs] == ["probe failed", "chat not sent"] * 2
