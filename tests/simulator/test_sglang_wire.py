"""The simulated SGLang against the bytes that SGLang 0.5.23 itself sent to the same requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import Capacity, Options, simulated
from tests.simulator.raw import CHAT, ask, chat, dechunk, events, split

FIXTURES = Path(__file__).parent / "fixtures" / "sglang"
USAGE = {"include_usage": True}
CONTINUOUS = {"include_usage": True, "continuous_usage_stats": True}
VARIES = [
    (rb"date: [^\r]+", b"date: D"),
    (rb"content-length: \d\d+", b"content-length: N"),
    (rb'"id":"[0-9a-f]{32}"', b'"id":"I"'),
    (rb'"created":\d+', b'"created":0'),
    (rb'"content":"[^"]+"', b'"content":"T"'),
    (rb'"(prompt|total)_tokens":\d+', rb'"\1_tokens":0'),
    (rb"total of \d+ tokens: \d+ tokens", b"total of N tokens: N tokens"),
    (rb"The input \(\d+ tokens\)", b"The input (N tokens)"),
    (rb"\r\n[0-9a-f]+\r\ndata:", b"\r\nN\r\ndata:"),
]
"""What depends on the moment, the tokenizer or the model's words, and not on the wire format."""


def normal(response: bytes) -> bytes:
    for pattern, instead in VARIES:
        response = re.sub(pattern, instead, response)
    return response


@pytest.mark.parametrize(
    ("fixture", "method", "path", "body"),
    [
        ("chat-continuous-usage", "POST", CHAT, chat(ignore_eos=True, stream_options=CONTINUOUS)),
        ("chat-final-usage", "POST", CHAT, chat(ignore_eos=True, stream_options=USAGE)),
        ("chat-no-usage", "POST", CHAT, chat(ignore_eos=True)),
        ("chat-whole", "POST", CHAT, chat(ignore_eos=True) | {"stream": False}),
        ("model-unknown", "POST", CHAT, chat(ignore_eos=True) | {"model": "nope"}),
        ("messages-missing", "POST", CHAT, {"model": "tiny"}),
        ("messages-empty", "POST", CHAT, chat(messages=[])),
        ("max-tokens-negative", "POST", CHAT, chat(-1)),
        ("max-tokens-above-context", "POST", CHAT, chat(5000)),
        ("max-tokens-beside-prompt", "POST", CHAT, chat(2045)),
        ("messages-no-list", "POST", CHAT, chat(messages="x")),
        ("not-json", "POST", CHAT, b"x"),
        ("prompt-too-long", "POST", CHAT, chat(messages=[{"role": "user", "content": "word " * 3000}])),
        ("method-not-allowed", "GET", CHAT, None),
        ("path-unknown", "GET", "/nope", None),
        ("health", "GET", "/health", None),
        ("models", "GET", "/v1/models", None),
        ("root", "GET", "/", None),
    ],
)
async def test_sends_what_sglang_sends(quick: Options, fixture: str, method: str, path: str, body: object) -> None:
    async with simulated("sglang", replace(quick, capacity=Capacity(context_tokens=2048))) as engine:
        sent = await ask(engine.url, method, path, body)
    assert normal(sent) == normal((FIXTURES / f"{fixture}.http").read_bytes())


async def test_a_full_queue_is_told_inside_the_stream(quick: Options) -> None:
    async with simulated("sglang", replace(quick, capacity=Capacity(max_batch=1, max_queue=1))) as engine:
        asked = chat(200, ignore_eos=True, stream_options=CONTINUOUS)
        answers = await asyncio.gather(*(ask(engine.url, "POST", CHAT, asked) for _ in range(3)))
    refused = next(answer for answer in answers if b'"error"' in answer)
    # the recorded one reports cached tokens, which an option turns on
    recorded = (FIXTURES / "queue-full.http").read_bytes().replace(b'{"cached_tokens":0}', b"null")
    assert normal(refused) == normal(recorded)


async def test_an_answer_that_ends_by_itself_has_a_token_without_an_event() -> None:
    async with simulated("sglang", Options(answer_tokens=4)) as engine:
        frames = events(await ask(engine.url, "POST", CHAT, chat(500, stream_options=CONTINUOUS)))
    *_, last, finish, usage = frames
    assert finish["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert "usage" not in finish
    assert usage["usage"]["completion_tokens"] == last["usage"]["completion_tokens"] + 1  # type: ignore[index]


async def test_the_head_comes_with_the_first_token(quick: Options) -> None:
    async with simulated("sglang", quick) as engine:
        await ask(engine.url, "POST", CHAT, chat())
        first, *_ = engine.truth.chats()[0].writes
    assert first.kinds == ("head", "role")


async def test_the_key_guards_all_but_health_and_metrics() -> None:
    async with simulated("sglang", Options(api_key="secret")) as engine:
        refused = await ask(engine.url, "GET", "/v1/models")
        assert normal(refused) == normal((FIXTURES / "unauthorized.http").read_bytes())
        assert split(await ask(engine.url, "GET", "/v1/models", headers={"Authorization": "bearer secret"}))[0] == 200
        assert [split(await ask(engine.url, "GET", path))[0] for path in ("/health", "/metrics", "/server_info")] == [200, 200, 401]


async def test_it_tells_its_version(quick: Options) -> None:
    async with simulated("sglang", quick) as engine:
        told = split(await ask(engine.url, "GET", "/server_info"))[2]
    recorded = split((FIXTURES / "server-info.http").read_bytes())[2]
    assert b'"version":"0.5.23"' in told
    assert b'"version":"0.5.23"' in recorded


def family_shapes(text: str) -> dict[str, tuple[str, str, frozenset[str]]]:
    """Type, help and label names of each family that has series."""
    return {
        family.name: (family.type, family.documentation, frozenset(name for sample in family.samples for name in sample.labels))
        for family in text_string_to_metric_families(text)
        if family.samples
    }


async def test_metrics_have_sglangs_families_types_help_and_labels(quick: Options) -> None:
    """But for those which this SGLang had nothing to tell of: nothing was retracted or aborted."""
    async with simulated("sglang", quick) as engine:
        prompt = [{"role": "user", "content": "a long question " * 40}]
        for _ in range(2):
            await ask(engine.url, "POST", CHAT, chat(messages=prompt))
        page = await ask(engine.url, "GET", "/metrics")
    real = (FIXTURES / "metrics.http").read_bytes()
    assert split(page)[1]["content-type"] == split(real)[1]["content-type"]
    told = family_shapes(split(page)[2].decode())
    recorded = family_shapes(b"".join(dechunk(split(real)[2])[0]).decode())
    assert {name: told[name] for name in told if told[name] != recorded.get(name)} == {}
    assert len(told) == 29


async def test_metrics_tell_what_was_simulated(quick: Options) -> None:
    async with simulated("sglang", quick) as engine:
        prompt = "a long question " * 40
        for _ in range(2):
            await ask(engine.url, "POST", CHAT, chat(6, ignore_eos=True, messages=[{"role": "user", "content": prompt}]))
        families = text_string_to_metric_families(split(await ask(engine.url, "GET", "/metrics"))[2].decode())
        truth = engine.truth.chats()
    values = {(sample.name, sample.labels.get("stage"), sample.labels.get("mode")): sample.value for family in families for sample in family.samples}
    length = truth[0].prompt_tokens
    cached = truth[1].cached_tokens
    assert length is not None
    assert cached == (length - 1) // 16 * 16 > 0
    assert values["sglang:num_requests_total", None, None] == 2
    assert values["sglang:generation_tokens_total", None, None] == 12
    assert values["sglang:prompt_tokens_total", None, None] == 2 * length
    assert values["sglang:cached_tokens_total", None, None] == cached
    assert values["sglang:realtime_tokens_total", None, "decode"] == 12
    assert values["sglang:inter_token_latency_seconds_count", None, None] == 10
    assert values["sglang:inter_token_latency_seconds_sum", None, None] == pytest.approx(0.1)
    assert values["sglang:per_stage_req_latency_seconds_count", "prefill_forward", None] == 2
    assert values["sglang:num_running_reqs", None, None] == 0
    first_sent = [next(write.before_ns for write in one.writes if write.tokens) - one.arrived_ns for one in truth]
    assert 0 < values["sglang:time_to_first_token_seconds_sum", None, None] <= sum(first_sent) / 1e9
