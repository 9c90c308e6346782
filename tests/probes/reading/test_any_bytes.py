"""Whatever bytes a server sends: nothing but a record comes of them, no fault of ours, and no success of a stream whose end was not told."""

from __future__ import annotations

import re
from itertools import pairwise

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from probes.answer import Answer
from probes.ask import Ask, Endpoint, Timeouts
from probes.backends import form
from probes.failure import Reason
from probes.probing import Prober
from probes.wire.order import Read
from tests.answers import COMMENT, DONE, END, ERROR, FINISH, ROLE, chunk, delta, head, token, usage
from tests.servers import serving, then_close

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=2, stall_seconds=2, total_seconds=5)
ENGINES = [("vllm", "chat"), ("tgi", "chat"), ("tgi", "generate"), ("ollama", "chat"), ("openai", "chat")]
WORDS = st.sampled_from(
    [
        *("error", "choices", "delta", "usage", "content", "reasoning", "tool_calls", "function", "arguments", "message", "detail", "code", "type"),
        *("finish_reason", "completion_tokens", "completion_tokens_details", "reasoning_tokens", "object", "refusal", "text", "thinking", "status"),
        *("done", "done_reason", "created_at", "eval_count", "eval_duration", "token", "generated_text", "details", "special", "error_type", "loc"),
    ]
)
SCALARS = st.sampled_from(
    [
        *(
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "2.5",
            "NaN",
            "Infinity",
            "1e999",
            "9" * 400,
            '""',
            '"stop"',
            '"abort"',
            '"error"',
            '"a"',
            '"b c"',
        ),
        *('"\\ud83d"', '"\\ude00"', '"[DONE]"', '"{\\"error\\":\\"x\\"}"', '"chat.completion.chunk"', '"2026-08-22T10:00:00.5Z"', "{}", "[]", '"日"'),
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(WORDS, inner), max_size=5).map(lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}")
    ),
    max_leaves=15,
)
SAID = st.one_of(
    st.sampled_from(
        [token(), token("a", 1), token("b", 5), ROLE, FINISH, delta(9, "stop"), usage(3), DONE, COMMENT, ERROR, b"data: {\n\n", b"null\n"]
    ),
    JSON.map(lambda value: f"data: {value}\n\n".encode()),
    JSON.map(lambda delta: f'data: {{"choices":[{{"delta":{delta}}}]}}\n\n'.encode()),
    JSON.map(lambda value: f"event: ping\n: note\ndata: {value}\n\n".encode()),
    JSON.map(lambda value: f"{value}\n".encode()),
    JSON.map(lambda value: f'{{"message":{{"content":{value}}},"done":false}}\n'.encode()),
    JSON.map(lambda value: f'data: {{"token":{{"text":{value}}},"generated_text":null}}\n\n'.encode()),
    st.sampled_from(
        [
            b"event: error\n",
            b": error: x\n\n",
            b"\r",
            b"\n",
            b"\xff\xfe",
            b"<html>",
            b"data",
            b"data:",
            b"[" * 2000 + b"\n",
            b"data: " + b"[" * 1500 + b"\n\n",
        ]
    ),
    st.binary(max_size=30),
)
ENDINGS = re.compile(rb'\[DONE\]|"done"\s*:\s*true|"generated_text"\s*:\s*"|"(finish|done)_reason"\s*:\s*"')


@given(st.lists(SAID, max_size=12), st.data(), st.sampled_from(ENGINES), st.booleans())
@example([b'{"error":' + b"[" * 1200 + b"]" * 1200 + b"}\n\n"], None, ("openai", "chat"), True)
@example([b"data: " + b'{"error":' * 400 + b"1" + b"}" * 400 + b"\n\n"], None, ("vllm", "chat"), True)
async def test_any_stream_is_read_or_is_a_failure(said: list[bytes], data: st.DataObject | None, engine: tuple[str, str], ended: bool) -> None:
    body = b"".join(said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6))) if data is not None else []
    answer = Answer(form(*engine))
    reads = [Read(body[begin:end], place, place) for place, (begin, end) in enumerate(pairwise([0, *cuts, len(body)]), 1)]
    answer.feed(reads)
    answer.close(reads[-1])
    if ended:
        answer.end(len(reads) + 1)
    assert answer.failure is None or answer.failure.reason is not Reason.INTERNAL
    assert orjson.dumps([answer.text, answer.finish_reason, answer.output_tokens, answer.input_tokens])
    assert all(one.tokens is None or one.tokens > 0 for one in answer.counted.chunks)
    if answer.finished_ns is not None and answer.failure is None:
        assert answer.counted.chunks
        assert ENDINGS.search(body)


HEADS = st.one_of(
    st.just(head()),
    st.just(head().replace(b"\r\n", b"\n")),
    st.builds(
        head, st.sampled_from([200, 201, 204, 302, 404, 429, 500, 503]), st.sampled_from([None, "application/json", "text/event-stream", "text/html"])
    ),
    st.sampled_from(["gzip", "deflate", "br", "zstd", "x"]).map(lambda coding: head(200, "text/event-stream", f"Content-Encoding: {coding}")),
    st.sampled_from(
        ["Content-Length: 7", "Content-Length: 7, 7", "Transfer-Encoding: identity", "Location: http://[x", "X: \x01", "Upgrade: h2c"]
    ).map(lambda field: head(200, "text/event-stream", field)),
    st.just(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
    st.binary(max_size=20),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(HEADS, min_size=1, max_size=2), st.lists(SAID | SAID.map(chunk), max_size=8), st.booleans(), st.sampled_from(ENGINES))
async def test_any_bytes_on_the_wire_make_a_record(
    prober: Prober, ask: Ask, heads: list[bytes], said: list[bytes], ended: bool, engine: tuple[str, str]
) -> None:
    wire = b"".join(heads[:1] if len(said) % 2 else heads) + b"".join(said) + (END if ended else b"")
    with serving(then_close(wire)) as server:
        endpoint = Endpoint("engine", engine[0], server.url, api="generate" if engine[1] == "generate" else "chat", api_key="s3cret")
        record = await prober.chat(endpoint, ask, scenario="any", timeouts=TIMEOUTS)
    assert record.reason is not Reason.INTERNAL
    assert record.outcome == "failed" or ENDINGS.search(wire)
    assert orjson.dumps(record.to_json(text=True))
