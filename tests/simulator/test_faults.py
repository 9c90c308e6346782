"""Each fault, seen by a client over a bare socket."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import orjson
import pytest

from simulator import ENGINES, Latency, Options, Simulator, simulated
from simulator.dialects import shown_by
from simulator.fault_plan import FaultError, Faults, parse, signature
from simulator.faults import FAULTS
from tests.simulator.raw import CHAT, ask, chat, connect, dechunk, events, listen, ollama_chat, request, split
from tests.waiting import PATIENCE_SECONDS, eventually

CONTINUOUS = {"include_usage": True, "continuous_usage_stats": True}
QUICK = Options(latency=Latency(decode_seconds=0.004, first_token_seconds=0.001), answer_tokens=2000)
PATHS = dict.fromkeys(ENGINES, CHAT) | {"ollama": "/api/chat"}


@pytest.fixture
async def vllm() -> AsyncIterator[Simulator]:
    async with simulated("vllm", QUICK) as engine:
        yield engine


@pytest.fixture
async def ollama() -> AsyncIterator[Simulator]:
    async with simulated("ollama", QUICK) as engine:
        yield engine


async def faulty(engine: Simulator, fault: str, tokens: int = 6) -> bytes:
    body = ollama_chat(tokens) if engine.name == "ollama" else chat(tokens, stream_options=CONTINUOUS)
    return await ask(engine.url, "POST", PATHS[engine.name], body, {"X-Sim-Fault": fault, "X-Request-Id": "one"})


def texts(response: bytes) -> list[str]:
    """The text of each chunk that has any."""
    found = []
    for frame in events(response):
        choices = frame.get("choices")
        content = choices[0]["delta"].get("content") if choices else None  # type: ignore[index]
        found += [content] if content else []
    return found


def gaps_ms(engine: Simulator) -> list[float]:
    """Milliseconds between the writes that bear tokens, from the request on."""
    truth = engine.truth.chat("one")
    assert truth is not None
    instants = [truth.arrived_ns, *(write.before_ns for write in truth.token_writes)]
    return [(after - before) / 1e6 for before, after in itertools.pairwise(instants)]


async def test_reset_before_the_head_and_in_mid_stream(vllm: Simulator) -> None:
    with pytest.raises(ConnectionResetError):
        await faulty(vllm, "reset")
    reader, writer = await connect(vllm.url)
    writer.write(request("POST", CHAT, chat(6), {"X-Sim-Fault": "reset:2"}))
    seen, end = await listen(reader, 10)
    writer.close()
    assert end == "reset"
    assert len(texts(seen)) == 2


async def test_slow_first_token_moves_all_tokens(vllm: Simulator) -> None:
    await faulty(vllm, "slow-first-token:0.2")
    first, *later = gaps_ms(vllm)
    assert first >= 200
    assert sum(later) < 200


@pytest.mark.parametrize(("fault", "tokens"), [("no-first-token", 0), ("stall:3", 3)])
async def test_a_hang_lasts_until_the_client_leaves(vllm: Simulator, fault: str, tokens: int) -> None:
    reader, writer = await connect(vllm.url)
    writer.write(request("POST", CHAT, chat(8), {"X-Sim-Fault": fault, "X-Request-Id": "one"}))
    seen, end = await listen(reader, 0.3)
    assert end == "silence"
    assert seen.startswith(b"HTTP/1.1 200 OK")
    assert len(texts(seen)) == tokens
    writer.close()
    truth = vllm.truth.chat("one")
    assert truth is not None
    await eventually(lambda: truth.ended is not None)
    assert truth.ended == "disconnected"


async def test_stall_rests_for_a_while(vllm: Simulator) -> None:
    assert len(texts(await faulty(vllm, "stall:2:0.2"))) == 6
    gaps = gaps_ms(vllm)
    assert gaps[2] > max(gaps[1], *gaps[3:])
    assert sum(gaps) >= 200  # that one write is late takes from the gap behind it, and from no sum


async def test_truncate_ends_the_body_cleanly_but_without_a_marker(vllm: Simulator) -> None:
    response = await faulty(vllm, "truncate:2")
    assert dechunk(split(response)[2])[1]
    assert len(texts(response)) == 2
    assert b"[DONE]" not in response


async def test_cut_closes_the_connection_without_ending_the_body(vllm: Simulator) -> None:
    response = await faulty(vllm, "cut:2")
    assert not dechunk(split(response)[2])[1]
    assert len(texts(response)) == 2


VLLM_ERROR = (
    b'data: {"error": {"message": "Request failed during generation: Server error: out of memory", "type": "InternalServerError", '
    b'"param": null, "code": 500}}\n\ndata: [DONE]\n\n'
)
TGI_ERROR = b'data: {"error":{"message":"Request failed during generation: Server error: out of memory","http_status_code":422}}\n\ndata: [DONE]\n\n'
OLLAMA_ERROR = b'{"error":"Request failed during generation: Server error: out of memory"}\n'


@pytest.mark.parametrize(("name", "form"), [("vllm", VLLM_ERROR), ("tgi", TGI_ERROR), ("ollama", OLLAMA_ERROR)])
async def test_an_error_in_the_stream_has_the_engines_form(name: str, form: bytes) -> None:
    async with simulated(name, QUICK) as engine:
        body = b"".join(dechunk(split(await faulty(engine, "error:2"))[2])[0])
    assert body.endswith(form)
    assert len(body) > len(form)


async def test_vllm_can_report_an_error_as_its_first_event(vllm: Simulator) -> None:
    status, _, body = split(await faulty(vllm, "error"))
    assert (status, b"".join(dechunk(body)[0])) == (200, VLLM_ERROR)


async def test_ollama_reports_an_early_error_by_its_status(ollama: Simulator) -> None:
    status, _, body = split(await faulty(ollama, "error"))
    assert (status, list(orjson.loads(body))) == (500, ["error"])


async def test_ollama_loses_the_text_of_an_error_in_openai_style(ollama: Simulator) -> None:
    response = await ask(ollama.url, "POST", CHAT, chat(6), {"X-Sim-Fault": "error:2"})
    last = events(response)[-1]
    assert (last["model"], last["choices"][0]["delta"]["content"]) == ("", "")  # type: ignore[index]
    assert b"[DONE]" not in response
    assert b"memory" not in response


@pytest.mark.parametrize(
    ("name", "fault", "status", "body"),
    [
        ("vllm", "unauthorized", 401, b'{"error":"Unauthorized"}'),
        ("tgi", "unauthorized", 401, b""),
        ("ollama", "forbidden", 403, b""),
        ("vllm", "not-found", 404, b'{"error":{"message":"The model `tiny` does not exist. Valid aliases: tiny.","type":"NotFoundError"'),
        ("ollama", "not-found", 404, b'{"error":"model \'tiny\' not found"}'),
        ("vllm", "overloaded", 503, b'{"error":{"message":"Too many queued requests.","type":"Service Unavailable"'),
        ("ollama", "overloaded", 503, b'{"error":"server busy, please try again.  maximum pending requests exceeded"}'),
        ("vllm", "server-error", 500, b'{"error":{"message":'),
        ("tgi", "server-error", 500, b'{"error":"Incomplete generation"'),
        ("tgi", "router-503", 503, b"<html>"),
        ("vllm", "redirect", 307, b""),
    ],
)
async def test_answers_that_are_no_stream(name: str, fault: str, status: int, body: bytes) -> None:
    async with simulated(name, QUICK) as engine:
        answer = split(await faulty(engine, fault))
    assert answer[0] == status
    assert answer[2].startswith(body)
    assert ("location" in answer[1]) == (fault == "redirect")


async def test_garbage_stands_between_good_frames(vllm: Simulator) -> None:
    chunks, ended = dechunk(split(await faulty(vllm, "garbage:2"))[2])
    broken = [place for place, data in enumerate(chunks) if data.startswith(b"data: {") and not data.endswith(b"}\n\n")]
    assert broken == [3]  # after the role and two tokens
    assert chunks[-1] == b"data: [DONE]\n\n"
    assert ended


async def test_an_endless_line_never_ends(ollama: Simulator) -> None:
    body = b"".join(dechunk(split(await faulty(ollama, "endless-line:1:2"))[2])[0])
    assert len(body) > 2 << 20
    assert body.count(b"\n") == 1


async def test_another_content_type(vllm: Simulator) -> None:
    _, headers, body = split(await faulty(vllm, "content-type"))
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert dechunk(body)[0][-1] == b"data: [DONE]\n\n"


async def test_slow_headers_drip_line_by_line(vllm: Simulator) -> None:
    began = time.monotonic()
    assert len(texts(await faulty(vllm, "slow-headers:0.03"))) == 6
    assert time.monotonic() - began >= 0.03 * 6
    truth = vllm.truth.chat("one")
    assert truth is not None
    assert [write.kinds for write in truth.writes[:7]] == [("head",)] * 7


@pytest.mark.parametrize(("name", "comment"), [("vllm", b": keep-alive\n\n"), ("tgi", b":\n\n")])
async def test_comments_fill_silence(name: str, comment: bytes) -> None:
    async with simulated(name, QUICK) as engine:
        chunks, _ = dechunk(split(await faulty(engine, "comments:0.05,stall:2:0.3"))[2])
    assert chunks.count(comment) >= 3
    assert chunks[-1] == b"data: [DONE]\n\n"


async def test_several_tokens_in_a_chunk(vllm: Simulator) -> None:
    frames = events(await faulty(vllm, "tokens-per-chunk:4"))
    assert [frame["usage"]["completion_tokens"] for frame in frames] == [0, 4, 6, 6]  # type: ignore[index]
    truth = vllm.truth.chat("one")
    assert truth is not None
    assert [write.tokens for write in truth.token_writes] == [4, 2]


async def test_a_chunk_in_two_segments(vllm: Simulator) -> None:
    assert len(texts(await faulty(vllm, "split:0.002"))) == 6
    truth = vllm.truth.chat("one")
    assert truth is not None
    halves = [write for write in truth.writes if write.kinds == ("split",)]
    assert len(halves) == 9  # role, six tokens, usage, marker
    assert truth.tokens == 6


async def test_many_chunks_in_one_segment(vllm: Simulator) -> None:
    response = await faulty(vllm, "coalesce:3")
    assert len(texts(response)) == 6
    truth = vllm.truth.chat("one")
    assert truth is not None
    assert [write.kinds for write in truth.writes] == [
        ("head",),
        ("role", "token", "token"),
        ("token", "token", "token"),
        ("finish", "usage", "done"),
        ("end",),
    ]


async def test_chunks_held_back_for_a_segment_are_not_lost_to_an_error(vllm: Simulator) -> None:
    response = await faulty(vllm, "coalesce:4,error:2")
    assert len(texts(response)) == 2
    assert b"".join(dechunk(split(response)[2])[0]).endswith(VLLM_ERROR)


async def test_usage_absent_wrong_late_or_at_the_end_only(vllm: Simulator) -> None:
    assert not any("usage" in frame for frame in events(await faulty(vllm, "no-usage")))
    wrong = [frame["usage"]["completion_tokens"] for frame in events(await faulty(vllm, "wrong-usage:5"))]  # type: ignore[index]
    assert wrong == [5, 6, 7, 8, 9, 10, 11, 11]
    final = [frame for frame in events(await faulty(vllm, "final-usage-only")) if "usage" in frame]
    assert [frame["usage"]["completion_tokens"] for frame in final] == [6]  # type: ignore[index]
    await faulty(vllm, "late-usage:0.2")
    truth = vllm.truth.chat("one")
    assert truth is not None
    usage = next(write for write in truth.writes if "usage" in write.kinds)
    assert usage.before_ns - truth.token_writes[-1].before_ns >= 200_000_000


async def test_ollama_without_usage_still_says_done(ollama: Simulator) -> None:
    last = events(await faulty(ollama, "no-usage"))[-1]
    assert last["done"] is True
    assert "eval_count" not in last


async def test_abort_ends_like_any_answer_but_for_its_reason(vllm: Simulator) -> None:
    response = await faulty(vllm, "abort:2")
    assert len(texts(response)) == 2
    assert b'"finish_reason":"abort"' in response
    assert b"data: [DONE]" in response


@pytest.mark.parametrize("name", ENGINES)
async def test_an_empty_answer_has_its_marker_and_no_token(name: str) -> None:
    async with simulated(name, QUICK) as engine:
        response = await faulty(engine, "empty")
        truth = engine.truth.chat("one")
    assert truth is not None
    assert truth.tokens == 0
    assert (b'"done":true' if name == "ollama" else b"data: [DONE]") in response


async def test_an_early_role_comes_long_before_the_first_token(vllm: Simulator) -> None:
    response = await faulty(vllm, "early-role,slow-first-token:0.2")
    assert response.count(b'"role"') == 1
    truth = vllm.truth.chat("one")
    assert truth is not None
    role = next(write for write in truth.writes if write.kinds == ("role",))
    assert truth.token_writes[0].before_ns - role.before_ns >= 150_000_000


async def test_reasoning_comes_before_the_answer(vllm: Simulator, ollama: Simulator) -> None:
    deltas = [frame["choices"][0]["delta"] for frame in events(await faulty(vllm, "reasoning:2"))[1:-1]]  # type: ignore[index]
    assert [list(delta) for delta in deltas] == [["reasoning"]] * 2 + [["content"]] * 4
    messages = [frame["message"] for frame in events(await faulty(ollama, "reasoning:2"))[:-1]]
    assert [bool(message.get("thinking")) for message in messages] == [True] * 2 + [False] * 4  # type: ignore[attr-defined]


async def test_ollamas_silent_truncation(ollama: Simulator) -> None:
    response = await faulty(ollama, "silent-end:2")
    assert [frame["done"] for frame in events(response)] == [False, False]
    assert dechunk(split(response)[2])[1]


async def test_connections_are_refused_and_idle_ones_closed_until_cleared(ollama: Simulator) -> None:
    """Of itself, Ollama keeps idle connections open for longer than this test waits."""
    reader, writer = await connect(ollama.url)
    writer.write(request("HEAD", "/", close=False))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    await ollama.refuse()
    assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(ollama.url)
    await ollama.accept()
    assert split(await ask(ollama.url, "GET", "/"))[0] == 200


async def test_refusing_by_the_control_endpoint_is_cleared_on_the_same_connection(vllm: Simulator) -> None:
    reader, writer = await connect(vllm.url)
    writer.write(request("POST", "/sim/faults", {"fault": "refuse"}, close=False))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201")
    with pytest.raises(ConnectionRefusedError):
        await connect(vllm.url)
    writer.write(request("DELETE", "/sim/faults"))
    assert b"HTTP/1.1 200" in await reader.read()
    writer.close()
    assert split(await ask(vllm.url, "GET", "/health"))[0] == 200


async def test_refusing_ends_by_itself(vllm: Simulator) -> None:
    await vllm.refuse(0.05)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                assert split(await ask(vllm.url, "GET", "/health"))[0] == 200
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


async def test_faults_in_force_for_the_next_requests(vllm: Simulator) -> None:
    added = await ask(vllm.url, "POST", "/sim/faults", {"fault": "server-error", "count": 2})
    assert orjson.loads(split(added)[2])["active"] == [{"fault": "server-error", "count": 2, "probability": 1.0}]
    assert [split(await ask(vllm.url, "POST", CHAT, chat(1)))[0] for _ in range(3)] == [500, 500, 200]
    vllm.faults.add("server-error")
    await ask(vllm.url, "DELETE", "/sim/faults/server-error")
    assert split(await ask(vllm.url, "POST", CHAT, chat(1)))[0] == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"fault": "nonsense"}, "unknown fault 'nonsense'"),
        ({"fault": "stall:x"}, "'x' in 'stall:x' is not a number"),
        ({"fault": "empty", "count": 0}, "count must be at least 1"),
        ({"fault": "empty", "probability": 2}, "probability must lie above 0"),
        ({"fault": "empty", "count": "many"}, "count must be an integer"),
        (b"{", "expected an object"),
    ],
)
async def test_a_wrong_request_for_a_fault_is_told_so(vllm: Simulator, body: object, message: str) -> None:
    status, _, answer = split(await ask(vllm.url, "POST", "/sim/faults", body))
    assert status == 400
    assert message in orjson.loads(answer)["error"]


async def test_a_wrong_header_is_told_so(vllm: Simulator) -> None:
    status, _, body = split(await faulty(vllm, "silent-end"))
    assert (status, body) == (400, b"vllm cannot show the fault 'silent-end'; only ollama")
    assert split(await faulty(vllm, "refuse"))[0] == 400


def test_a_share_of_requests_meets_a_fault_and_the_seed_says_which() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults("vllm", seed)
        faults.add("empty", probability=0.3)
        return [bool(faults.plan().names) for _ in range(1000)]

    assert hits(1) == hits(1)
    assert 250 < sum(hits(1)) < 350


@pytest.mark.parametrize("text", ["stall:1:2:3", "stall:-1", "coalesce:0", "silent-end", "stall:"])
def test_what_is_no_fault_of_the_engine_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        parse(text, "vllm")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_written_as_it_is_read(name: str) -> None:
    kind = FAULTS[name]
    fault = parse(name, shown_by(kind)[0])
    assert parse(str(fault), shown_by(kind)[0]) == fault
    assert signature(kind).startswith(name)
