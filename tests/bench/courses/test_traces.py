from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from bench.courses import traces
from bench.courses.replay import Replay
from bench.courses.traces import Excerpt, TraceError, read_trace
from bench.level import Measured
from config.load import Arrival, Trace
from probes.chunk import Chunk
from probes.record import ChatRecord

MOONCAKE = """\
{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 2353, 2354]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 2366]}
"""
"""The example of `FAST25-release/README.md`, a line each."""
AZURE_2023 = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
"""
AZURE_2024 = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2024-05-10 00:00:00.009930+00:00,2162,5\r\n2024-05-10 00:00:01+00:00,10,0\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def mooncake(*rows: tuple[int, int, int]) -> str:
    return "".join(f'{{"timestamp": {at}, "input_length": {given}, "output_length": {answered}}}\n' for at, given, answered in rows)


def record(target: str, started_at: float, due_ns: int | None = None, **changes: object) -> str:
    fields: dict[str, object] = {
        "target": target, "backend": "vllm", "model": "tiny", "scenario": "chat", "request_id": "r", "prompt_id": "p", "cache": "cold",
        "started_at": started_at, "started_ns": 10**9, "ended_ns": 2 * 10**9, "outcome": "ok", "chunks": (Chunk(15 * 10**8, 1, 0),), "sent_ns": 10**9,
        "due_ns": due_ns, "input_tokens": 30, "output_tokens": 7,
    }  # fmt: skip
    return orjson.dumps(ChatRecord(**{**fields, **changes}).to_json()).decode() + "\n"  # type: ignore[arg-type]


def test_mooncakes_own_example_is_read(file: Path) -> None:
    file.write_text(MOONCAKE)
    read = read_trace(file, speed=2.0)
    assert read.format == "mooncake"
    first, second = read.trace.arrivals
    assert (first.at_seconds, first.input_tokens, first.output_tokens, first.blocks[-1]) == (0.0, 6955, 52, 2354)
    assert (second.at_seconds, second.input_tokens, second.output_tokens, len(second.blocks)) == (3.053, 6472, 26, 13)
    assert (read.trace.speed, read.trace.block_tokens, read.trace.seconds) == (2.0, 512, 1.5265)


def test_azures_files_of_both_years_are_read(file: Path) -> None:
    file.write_text(AZURE_2023)
    read = read_trace(file)
    assert read.format == "azure"
    assert read.trace.arrivals == (Arrival(0.0, 4808, 10), Arrival(0.052, 3180, 8))
    file.write_bytes(AZURE_2024.encode())
    assert read_trace(file).trace.arrivals == (Arrival(0.0, 2162, 5), Arrival(0.99007, 10, 1)), "an answer has a token at least"


def test_our_own_records_are_held_again_when_they_were_due(file: Path) -> None:
    """They are written when they end, and began late."""
    file.write_text(record("vllm", 1_800_000_002.5) + record("vllm", 1_800_000_001.25, due_ns=75 * 10**7, output_tokens=9))
    read = read_trace(file)
    assert read.format == "records"
    assert read.trace.arrivals == (Arrival(0.0, 30, 9), Arrival(1.5, 30, 7))


def test_records_of_several_targets_need_a_name(file: Path) -> None:
    file.write_text(record("vllm", 1_800_000_000.0) + record("tgi", 1_800_000_001.0) + record("vllm", 1_800_000_003.0))
    with pytest.raises(TraceError, match=r"has chats with several targets \(tgi, vllm\); name the one"):
        read_trace(file)
    assert [arrival.at_seconds for arrival in read_trace(file, Excerpt(target="vllm")).trace.arrivals] == [0.0, 3.0]


def test_chats_whose_tokens_nobody_counted_are_left_out_and_told(file: Path) -> None:
    file.write_text(record("vllm", 1_800_000_000.0) + record("vllm", 1_800_000_001.0, output_tokens=None, outcome="cancelled"))
    read = read_trace(file)
    assert len(read.trace.arrivals) == 1
    assert read.left_out == {"without a count of their tokens": 1}


def test_a_part_of_a_trace(file: Path) -> None:
    file.write_text(mooncake(*((at * 1000, 100 * at, 10) for at in range(1, 11))))

    def taken(part: Excerpt) -> list[tuple[float, int]]:
        return [(arrival.at_seconds, arrival.input_tokens) for arrival in read_trace(file, part).trace.arrivals]

    assert taken(Excerpt(from_seconds=7)) == [(0.0, 800), (1.0, 900), (2.0, 1000)]
    assert taken(Excerpt(from_seconds=1.5, seconds=2)) == [(0.5, 300), (1.5, 400)]
    assert taken(Excerpt(chats=2)) == [(0.0, 100), (1.0, 200)]
    assert taken(Excerpt(longest_tokens=210)) == [(0.0, 100), (1.0, 200)]
    assert read_trace(file, Excerpt(longest_tokens=210)).left_out == {"longer than the longest that was asked for": 8}


def test_no_more_is_read_than_the_part_needs(file: Path) -> None:
    file.write_text(mooncake((0, 10, 1), (1000, 10, 1), (200_000, 10, 1), (300_000, 10, 1)) + "nonsense\n")
    assert len(read_trace(file, Excerpt(chats=1)).trace.arrivals) == 1
    assert len(read_trace(file, Excerpt(seconds=2)).trace.arrivals) == 2
    with pytest.raises(TraceError, match="trace:5: is no JSON object; write one chat a line"):
        read_trace(file)


def test_lines_out_of_order_by_a_little_are_sorted_and_by_much_are_refused(file: Path) -> None:
    file.write_text(mooncake((1000, 1, 1), (500, 2, 1), (40_000, 3, 1), (2000, 4, 1), (90_000, 5, 1)))
    assert [(arrival.at_seconds, arrival.input_tokens) for arrival in read_trace(file).trace.arrivals] == [
        (0.0, 2),
        (0.5, 1),
        (1.5, 4),
        (39.5, 3),
        (89.5, 5),
    ]
    file.write_text(mooncake((0, 1, 1), (100_000, 1, 1), (200_000, 1, 1), (50_000, 1, 1)))
    with pytest.raises(TraceError, match="out of order by more than 60 s; sort it by time"):
        read_trace(file)


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(gzip.compress(MOONCAKE.encode()))
    assert len(read_trace(path).trace.arrivals) == 2
    path.write_bytes(gzip.compress(MOONCAKE.encode())[:-20])
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "trace: is empty; give a trace with a chat a line"),
        ("\n\n", "trace: is empty; give a trace with a chat a line"),
        ("hello\n", "trace:1: is no line of a trace that is known; give one of the formats mooncake, azure, records"),
        ('{"a": 1}\n', "trace:1: is no line of a trace that is known; give one of the formats mooncake, azure, records"),
        (MOONCAKE + '{"input_length": 5, "output_length": 1}\n', "trace:3: timestamp is no number; write when the chat came, in milliseconds"),
        (MOONCAKE + '{"timestamp": true, "input_length": 5}\n', "trace:3: timestamp is no number; write when the chat came, in milliseconds"),
        (MOONCAKE + '{"timestamp": 1e4, "input_length": 5.5}\n', "trace:3: input_length is no number of tokens; write a whole one"),
        (MOONCAKE + '{"timestamp": 1e4, "input_length": 5}\n', "trace:3: output_length is no number of tokens; write a whole one"),
        (
            MOONCAKE + '{"timestamp": 40000, "input_length": 5, "output_length": 1, "hash_ids": "1"}\n',
            "trace:3: hash_ids is no list of whole numbers; write the ids of the prompt's blocks, or leave it out",
        ),
        (MOONCAKE + '{"timestamp": 1e308, "input_length": 5}\n', "trace:3: timestamp is no number; write when the chat came, in milliseconds"),
        (MOONCAKE + '{"timestamp": 1, "input_length": 10000001}\n', "trace:3: input_length is more than any engine takes; write at most 10000000"),
        (AZURE_2023 + f"2023-11-16 18:17:05,{'9' * 5000},4\n", "trace:4: ContextTokens is no number of tokens; write a whole one"),
        (
            '{"started_at": "2026-11-20T21:13:59Z", "schedule_lag_seconds": 1e308}\n',
            "trace:1: schedule_lag_seconds is no number; give records as chatprobe writes them",
        ),
        (AZURE_2023 + "\n2023-11-16 18:17:05,4\n", "trace:5: has 2 fields; write TIMESTAMP,ContextTokens,GeneratedTokens"),
        (AZURE_2023 + "yesterday,4,4\n", "trace:4: TIMESTAMP is no instant; write one like 2024-05-10 00:00:00.009930+00:00"),
        (AZURE_2023 + "2023-11-16 18:17:05,-4,4\n", "trace:4: ContextTokens is no number of tokens; write a whole one"),
        ('{"started_at": "now"}\n', "trace:1: started_at is no instant; write one like 2024-05-10 00:00:00.009930+00:00"),
        ('{"started_at": "2026-11-20T21:13:59Z", "input_tokens": "7"}\n', "trace:1: input_tokens is no number of tokens; write a whole one"),
        (
            '{"started_at": "2026-11-20T21:13:59Z", "schedule_lag_seconds": "7"}\n',
            "trace:1: schedule_lag_seconds is no number; give records as chatprobe writes them",
        ),
        (
            '{"started_at": "2026-11-20T21:13:59Z"}\n',
            "trace: has no chat in the part that was asked for; left out: 1 without a count of their tokens; take a larger part",
        ),
    ],
)
def test_an_error_names_the_line_and_the_remedy(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(TraceError) as caught:
        read_trace(file)
    assert str(caught.value) == f"{file.parent}/{said}"


def test_a_file_that_is_not_there_or_no_text(file: Path) -> None:
    with pytest.raises(TraceError, match=r"cannot be read \(No such file or directory\); give a file that is there"):
        read_trace(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match="is no text in UTF-8"):
        read_trace(file)


def test_a_line_without_an_end_does_not_fill_the_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "LONGEST_LINE", 1000)
    packed = file.with_suffix(".gz")
    packed.write_bytes(gzip.compress(MOONCAKE.encode() + b" " * 1_000_000))
    with pytest.raises(TraceError, match=r"trace\.gz:3: is longer than 1000 characters; write one chat a line"):
        read_trace(packed)


def test_a_format_that_is_told_is_not_found_out(file: Path) -> None:
    file.write_text(MOONCAKE)
    with pytest.raises(TraceError, match="trace:1: has 17 fields"):
        read_trace(file, format="azure")


def test_a_replay_is_one_level_as_long_as_the_trace_at_its_speed() -> None:
    trace = Trace((Arrival(0, 10, 5), Arrival(60, 10, 5)), speed=2.0)
    course = Replay(("vllm", "tgi"), trace)
    level = course.next([])
    assert level is not None
    assert level.name == "trace of 2 chats at 2 times its speed"
    assert level.loads == {"vllm": trace, "tgi": trace}
    assert level.seconds == pytest.approx(30.5)
    assert course.next([Measured(level, (), ())]) is None
