from __future__ import annotations

import itertools
from datetime import datetime

import orjson
import pytest

from simulator import Latency, Options, simulated
from simulator.ollama import duration_seconds
from simulator.ollama_forms import rfc3339
from tests.simulator.raw import CHAT, ask, chat, dechunk, events, ollama_chat, split


async def test_chat_is_ndjson_with_durations_in_nanoseconds(quick: Options) -> None:
    async with simulated("ollama", quick) as engine:
        response = await ask(engine.url, "POST", "/api/chat", ollama_chat(3), {"X-Request-Id": "one"})
        truth = engine.truth.chat("one")
    status, headers, body = split(response)
    chunks, ended = dechunk(body)
    assert (status, headers["content-type"], ended) == (200, "application/x-ndjson", True)
    assert all(chunk.endswith(b"}\n") for chunk in chunks)
    *tokens, last = events(response)
    assert [list(line) for line in tokens] == [["model", "created_at", "message", "done"]] * 3
    assert list(last) == [
        *("model", "created_at", "message", "done", "done_reason", "total_duration", "load_duration"),
        *("prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"),
    ]
    assert (last["done"], last["done_reason"], last["eval_count"], last["eval_duration"]) == (True, "length", 3, 20_000_000)
    assert last["message"] == {"role": "assistant", "content": ""}
    stamps = [datetime.fromisoformat(str(line["created_at"])) for line in tokens]
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(stamps)]
    assert truth is not None
    sent = [write.before_ns for write in truth.writes if write.tokens]
    assert gaps == pytest.approx([(after - before) / 1e9 for before, after in itertools.pairwise(sent)], abs=0.002)


async def test_the_head_comes_with_the_first_token(quick: Options) -> None:
    async with simulated("ollama", quick) as engine:
        await ask(engine.url, "POST", "/api/chat", ollama_chat(3), {"X-Request-Id": "one"})
        truth = engine.truth.chat("one")
    assert truth is not None
    assert truth.writes[0].kinds == ("head", "token")


async def test_a_cold_model_is_loaded_first_and_says_how_long_it_took() -> None:
    options = Options(loaded=False, load_seconds=0.15, latency=Latency(decode_seconds=0.001))
    async with simulated("ollama", options) as engine:
        assert split(await ask(engine.url, "GET", "/api/ps"))[2] == b'{"models":[]}'
        first = events(await ask(engine.url, "POST", "/api/chat", ollama_chat(2)))[-1]
        second = events(await ask(engine.url, "POST", "/api/chat", ollama_chat(2)))[-1]
        loaded = orjson.loads(split(await ask(engine.url, "GET", "/api/ps"))[2])["models"]
    assert int(str(first["load_duration"])) >= 150_000_000
    assert int(str(second["load_duration"])) < 100_000_000
    assert [model["name"] for model in loaded] == ["tiny:latest"]


async def test_one_slot_serves_one_request_after_the_other(quick: Options) -> None:
    import asyncio

    async with simulated("ollama", quick) as engine:
        asked = [ask(engine.url, "POST", "/api/chat", ollama_chat(10), {"X-Request-Id": name}) for name in "ab"]
        await asyncio.gather(*asked)
        first, second = sorted(engine.truth.chats(), key=lambda one: one.token_writes[0].before_ns)
    assert second.token_writes[0].before_ns > first.token_writes[-1].before_ns


async def test_openai_chat_flushes_finish_usage_and_marker_together(quick: Options) -> None:
    async with simulated("ollama", quick) as engine:
        body = chat(2, stream_options={"include_usage": True})
        frames = events(await ask(engine.url, "POST", CHAT, body, {"X-Request-Id": "one"}))
        truth = engine.truth.chat("one")
    assert truth is not None
    assert [write.kinds for write in truth.writes] == [("head", "token"), ("token",), ("finish", "usage", "done"), ("end",)]
    assert frames[0]["system_fingerprint"] == "fp_ollama"
    assert frames[2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        ("/api/chat", ollama_chat() | {"model": "nope"}, 404, {"error": "model 'nope' not found"}),
        ("/api/chat", {"messages": []}, 400, {"error": "model is required"}),
        ("/api/chat", b"", 400, {"error": "missing request body"}),
        (
            CHAT,
            chat() | {"model": "nope"},
            404,
            {"error": {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}},
        ),
    ],
)
async def test_refusals(path: str, body: object, status: int, answer: object) -> None:
    async with simulated("ollama", Options()) as engine:
        response = split(await ask(engine.url, "POST", path, body))
    assert (response[0], orjson.loads(response[2])) == (status, answer)


async def test_pages() -> None:
    async with simulated("ollama", Options(models=("tiny", "big:70b"))) as engine:
        assert split(await ask(engine.url, "GET", "/"))[2] == b"Ollama is running"
        assert split(await ask(engine.url, "HEAD", "/"))[::2] == (200, b"")
        assert split(await ask(engine.url, "GET", "/metrics"))[0] == 404
        tags = orjson.loads(split(await ask(engine.url, "GET", "/api/tags"))[2])
        assert [model["name"] for model in tags["models"]] == ["tiny:latest", "big:70b"]


async def test_a_request_without_messages_only_loads_the_model() -> None:
    async with simulated("ollama", Options(loaded=False, load_seconds=0.01)) as engine:
        answer = orjson.loads(split(await ask(engine.url, "POST", "/api/chat", {"model": "tiny", "messages": []}))[2])
        assert (answer["done"], answer["done_reason"]) == (True, "load")
        assert b"tiny:latest" in await ask(engine.url, "GET", "/api/ps")


@pytest.mark.parametrize(
    ("value", "seconds"), [(5, 5.0), (-1, -1.0), ("5m", 300.0), ("1h30m", 5400.0), ("250ms", 0.25), ("soon", None), (True, None)]
)
def test_keep_alive_is_seconds_or_a_duration(value: object, seconds: float | None) -> None:
    assert duration_seconds(value) == seconds


def test_stamps_are_printed_as_go_prints_them() -> None:
    assert rfc3339(1_795_233_260_340_757_000) == "2026-11-21T03:54:20.340757Z"
    assert rfc3339(1_795_233_260_000_000_000) == "2026-11-21T03:54:20Z"
