"""The simulated llama.cpp against the bytes that llama.cpp's server, build 11549, itself sent to the same requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import Capacity, Options, simulated
from tests.simulator.raw import CHAT, ask, chat, dechunk, events, split

FIXTURES = Path(__file__).parent / "fixtures" / "llamacpp"
USAGE = {"include_usage": True}
CONTINUOUS: dict[str, Any] = {"stream_options": USAGE, "timings_per_token": True, "cache_prompt": False}
VARIES = [
    (rb"Content-Length: \d\d+", b"Content-Length: N"),
    (rb'"id":"chatcmpl-[^"]+"', b'"id":"I"'),
    (rb'"system_fingerprint":"[^"]+"', b'"system_fingerprint":"F"'),
    (rb'"created":\d+', b'"created":0'),
    (rb'"content":"[^"]+"', b'"content":"T"'),
    (rb'"(prompt|total|cached)_tokens":\d+', rb'"\1_tokens":0'),
    (rb'"(cache_n|prompt_n)":\d+', rb'"\1":0'),
    (rb'"(\w+_ms|\w+_per_second)":[\d.e-]+', rb'"\1":0'),
    (rb"request \(\d+ tokens\)", b"request (N tokens)"),
    (rb'"n_prompt_tokens":\d+', b'"n_prompt_tokens":0'),
    (rb"\r\n[0-9a-f]+\r\ndata:", b"\r\nN\r\ndata:"),
]
"""What depends on the moment, the tokenizer or the model's words, and not on the wire format."""


@pytest.fixture
def slots(quick: Options) -> Options:
    """As it was recorded: four slots of 2,048 tokens."""
    return replace(quick, slots=4, capacity=Capacity(context_tokens=2048))


def normal(response: bytes) -> bytes:
    for pattern, instead in VARIES:
        response = re.sub(pattern, instead, response)
    return response


@pytest.mark.parametrize(
    ("fixture", "method", "path", "body"),
    [
        ("chat-timings", "POST", CHAT, chat(ignore_eos=True, **CONTINUOUS)),
        ("chat-final-usage", "POST", CHAT, chat(ignore_eos=True, stream_options=USAGE)),
        ("chat-no-usage", "POST", CHAT, chat(ignore_eos=True)),
        ("chat-whole", "POST", CHAT, chat(ignore_eos=True) | {"stream": False}),
        ("model-unknown", "POST", CHAT, chat(ignore_eos=True) | {"model": "nope"}),
        ("messages-missing", "POST", CHAT, {"model": "tiny"}),
        ("messages-no-list", "POST", CHAT, chat(messages="x")),
        ("max-tokens-negative", "POST", CHAT, chat(-5)),
        ("not-json", "POST", CHAT, b"x"),
        ("prompt-too-long", "POST", CHAT, chat(messages=[{"role": "user", "content": "word " * 3000}])),
        ("method-not-allowed", "GET", CHAT, None),
        ("path-unknown", "GET", "/nope", None),
        ("health", "GET", "/health", None),
        ("models", "GET", "/v1/models", None),
    ],
)
async def test_sends_what_llamacpp_sends(slots: Options, fixture: str, method: str, path: str, body: object) -> None:
    async with simulated("llamacpp", slots) as engine:
        sent = await ask(engine.url, method, path, body)
    assert normal(sent) == normal((FIXTURES / f"{fixture}.http").read_bytes())


async def test_an_answer_that_ends_by_itself_has_a_token_without_an_event() -> None:
    async with simulated("llamacpp", Options(answer_tokens=4)) as engine:
        frames = events(await ask(engine.url, "POST", CHAT, chat(500, **CONTINUOUS)))
    *_, last, finish, usage = frames
    assert finish["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert usage["usage"]["completion_tokens"] == last["timings"]["predicted_n"] + 1  # type: ignore[index]


async def test_its_own_times_are_those_of_the_simulation(slots: Options) -> None:
    async with simulated("llamacpp", slots) as engine:
        for _ in range(2):
            *_, usage = events(await ask(engine.url, "POST", CHAT, chat(5, ignore_eos=True, stream_options=USAGE)))
        *_, cold = events(await ask(engine.url, "POST", CHAT, chat(5, ignore_eos=True, **CONTINUOUS)))
    timings, of_cold = usage["timings"], cold["timings"]
    assert isinstance(timings, dict)
    assert isinstance(of_cold, dict)
    assert timings["predicted_ms"] == pytest.approx(4 * 10)
    assert timings["predicted_per_token_ms"] == pytest.approx(10)
    assert timings["prompt_n"] == 1
    assert timings["cache_n"] == of_cold["prompt_n"] - 1 > 0
    assert of_cold["cache_n"] == 0
    assert of_cold["prompt_ms"] > timings["prompt_ms"] > 0


async def test_an_error_ends_the_stream_without_the_marker(slots: Options) -> None:
    async with simulated("llamacpp", slots) as engine:
        chunks, ended = dechunk(split(await ask(engine.url, "POST", CHAT, chat(5), {"X-Sim-Fault": "error:2"}))[2])
    error = {"error": {"code": 500, "message": "Request failed during generation: Server error: out of memory", "type": "server_error"}}
    assert (chunks[-1], ended) == (b"data: " + orjson.dumps(error) + b"\n\n", True)


async def test_the_key_guards_all_but_health() -> None:
    async with simulated("llamacpp", Options(api_key="secret")) as engine:
        refused = await ask(engine.url, "GET", "/v1/models")
        assert normal(refused) == normal((FIXTURES / "unauthorized.http").read_bytes())
        keys = ({"Authorization": f"{scheme} secret"} for scheme in ("Bearer", "bearer"))
        assert [split(await ask(engine.url, "GET", "/props", headers=key))[0] for key in keys] == [200, 401]
        assert [split(await ask(engine.url, "GET", path))[0] for path in ("/health", "/metrics")] == [200, 401]


async def test_what_props_tell_llamacpp_tells_too(slots: Options) -> None:
    async with simulated("llamacpp", slots) as engine:
        told = orjson.loads(split(await ask(engine.url, "GET", "/props"))[2])
    recorded = orjson.loads(split((FIXTURES / "props.http").read_bytes())[2])
    assert told.keys() <= recorded.keys()
    alike = ("total_slots", "model_alias", "endpoint_slots", "endpoint_props", "endpoint_metrics", "is_sleeping")
    assert {name: told[name] for name in alike} == {name: recorded[name] for name in alike}
    assert told["default_generation_settings"]["n_ctx"] == recorded["default_generation_settings"]["n_ctx"] == 2048


def described(page: bytes) -> list[str]:
    return [line for line in page.decode().splitlines() if line.startswith("#")]


async def test_metrics_are_llamacpps_in_name_help_type_and_order(slots: Options) -> None:
    async with simulated("llamacpp", slots) as engine:
        page = await ask(engine.url, "GET", "/metrics")
    real = (FIXTURES / "metrics.http").read_bytes()
    assert split(page)[1]["content-type"] == split(real)[1]["content-type"]
    assert described(split(page)[2]) == described(split(real)[2])


async def test_metrics_tell_what_was_simulated(slots: Options) -> None:
    async with simulated("llamacpp", slots) as engine:
        await asyncio.gather(*(ask(engine.url, "POST", CHAT, chat(6, ignore_eos=True)) for _ in range(5)))
        page = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
        again = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
        truth = engine.truth.chats()
    values, later = ({family.name: family.samples[0].value for family in text_string_to_metric_families(text)} for text in (page, again))
    cached = sum(one.cached_tokens or 0 for one in truth)
    length = truth[0].prompt_tokens
    assert length is not None
    assert cached > 0
    assert values["llamacpp:tokens_predicted"] == 30
    assert values["llamacpp:prompt_tokens_cached"] == cached
    assert values["llamacpp:prompt_tokens"] == 5 * length - cached
    assert values["llamacpp:n_tokens_max"] == length + 6
    assert values["llamacpp:requests_processing"] == values["llamacpp:requests_deferred"] == 0
    assert (values["llamacpp:predicted_tokens_seconds"] > 0, later["llamacpp:predicted_tokens_seconds"]) == (True, 0)
