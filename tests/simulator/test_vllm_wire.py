"""The simulated vLLM against the bytes that vLLM 0.32 itself sent to the same requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import Capacity, Options, simulated
from tests.simulator.raw import CHAT, ask, chat, events, split

FIXTURES = Path(__file__).parent / "fixtures" / "vllm"
USAGE = {"include_usage": True}
CONTINUOUS = {"include_usage": True, "continuous_usage_stats": True}
VARIES = [
    (rb"date: [^\r]+", b"date: D"),
    (rb"content-length: \d\d+", b"content-length: N"),
    (rb'"created":\d+', b'"created":0'),
    (rb'"content":"[^"]+"', b'"content":"T"'),
    (rb'"(prompt|total)_tokens":\d+', rb'"\1_tokens":0'),
    (rb'"modelperm-\w+"', b'"modelperm"'),
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
        ("model-missing", "POST", CHAT, chat() | {"model": "nope"}),
        ("messages-missing", "POST", CHAT, {"model": "tiny"}),
        ("max-tokens-negative", "POST", CHAT, chat(-1)),
        ("max-tokens-above-context", "POST", CHAT, chat(5000)),
        ("messages-no-list", "POST", CHAT, chat(messages="x")),
        ("not-json", "POST", CHAT, b"x"),
        ("prompt-too-long", "POST", CHAT, chat(messages=[{"role": "user", "content": "word " * 3000}])),
        ("method-not-allowed", "GET", CHAT, None),
        ("path-unknown", "GET", "/nope", None),
        ("version", "GET", "/version", None),
        ("health", "GET", "/health", None),
        ("models", "GET", "/v1/models", None),
    ],
)
async def test_sends_what_vllm_sends(quick: Options, fixture: str, method: str, path: str, body: object) -> None:
    async with simulated("vllm", replace(quick, capacity=Capacity(context_tokens=2048))) as engine:
        sent = await ask(engine.url, method, path, body, {"X-Request-Id": "golden-1"})
    assert normal(sent) == normal((FIXTURES / f"{fixture}.http").read_bytes())


async def test_an_answer_that_ends_by_itself_ends_with_a_token_without_text() -> None:
    async with simulated("vllm", Options(answer_tokens=4)) as engine:
        frames = events(await ask(engine.url, "POST", CHAT, chat(500, stream_options=CONTINUOUS)))
    last = frames[-2]["choices"][0]  # type: ignore[index]
    assert (last["delta"], last["finish_reason"]) == ({"content": ""}, "stop")
    assert frames[-1]["usage"]["completion_tokens"] == len(frames) - 2  # type: ignore[index]


async def test_stream_interval_puts_several_tokens_into_a_chunk_after_the_first(quick: Options) -> None:
    async with simulated("vllm", quick) as engine:
        frames = events(await ask(engine.url, "POST", CHAT, chat(8, stream_interval=3, stream_options=CONTINUOUS)))
    assert [frame["usage"]["completion_tokens"] for frame in frames] == [0, 1, 4, 7, 8, 8]  # type: ignore[index]


async def test_the_key_guards_v1_and_nothing_else(quick: Options) -> None:
    async with simulated("vllm", Options(api_key="secret")) as engine:
        refused = split(await ask(engine.url, "GET", "/v1/models"))
        assert (refused[0], refused[2]) == (401, b'{"error":"Unauthorized"}')
        assert split(await ask(engine.url, "GET", "/v1/models", headers={"Authorization": "bearer secret"}))[0] == 200
        assert split(await ask(engine.url, "GET", "/metrics"))[0] == 200


def family_shapes(text: str) -> dict[str, tuple[str, str, frozenset[str]]]:
    """Type, help and label names of each family; `_created` series carry no value of their own."""
    return {
        family.name: (family.type, family.documentation, frozenset(name for sample in family.samples for name in sample.labels))
        for family in text_string_to_metric_families(text)
    }


async def test_metrics_have_vllms_families_types_help_and_labels(quick: Options) -> None:
    async with simulated("vllm", quick) as engine:
        await ask(engine.url, "GET", "/v1/models")
        await ask(engine.url, "POST", CHAT, chat())
        page = await ask(engine.url, "GET", "/metrics")
    real = (FIXTURES / "metrics.http").read_bytes()
    assert split(page)[1]["content-type"] == split(real)[1]["content-type"]
    simulated_families, real_families = (family_shapes(split(text)[2].decode()) for text in (page, real))
    ours, theirs = simulated_families.pop("vllm:cache_config_info"), real_families.pop("vllm:cache_config_info")
    assert ours[2] <= theirs[2]
    assert simulated_families == real_families


async def test_metrics_tell_what_was_simulated(quick: Options) -> None:
    async with simulated("vllm", quick) as engine:
        prompt = "a long question " * 40
        for _ in range(2):
            await ask(engine.url, "POST", CHAT, chat(6, ignore_eos=True, messages=[{"role": "user", "content": prompt}]))
        families = text_string_to_metric_families(split(await ask(engine.url, "GET", "/metrics"))[2].decode())
        truth = engine.truth.chats()
    values = {(sample.name, sample.labels.get("finished_reason")): sample.value for family in families for sample in family.samples}
    length = truth[0].prompt_tokens
    cached = truth[1].cached_tokens
    assert length is not None
    assert cached == (length - 1) // 16 * 16 > 0
    assert values["vllm:request_success_total", "length"] == 2
    assert values["vllm:generation_tokens_total", None] == 12
    assert values["vllm:prompt_tokens_total", None] == 2 * length
    assert values["vllm:prefix_cache_hits_total", None] == cached
    assert values["vllm:inter_token_latency_seconds_count", None] == 10
    assert values["vllm:inter_token_latency_seconds_sum", None] == pytest.approx(0.1)
    assert values["vllm:num_requests_running", None] == 0
    first_sent = [next(write.before_ns for write in one.writes if write.tokens) - one.arrived_ns for one in truth]
    assert 0 < values["vllm:time_to_first_token_seconds_sum", None] <= sum(first_sent) / 1e9


async def test_times_of_each_request_are_told_only_where_they_are_turned_on(quick: Options) -> None:
    asked = chat(3, ignore_eos=True, stream_options=USAGE)
    async with simulated("vllm", quick) as engine:
        assert "metrics" not in events(await ask(engine.url, "POST", CHAT, asked))[-1]
    async with simulated("vllm", replace(quick, per_request_metrics=True, capacity=Capacity(max_batch=1))) as engine:
        answers = await asyncio.gather(*(ask(engine.url, "POST", CHAT, asked) for _ in range(2)))
        without_usage = events(await ask(engine.url, "POST", CHAT, chat(3)))
        page = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
    first, second = sorted((times_of(answer) for answer in answers), key=lambda times: times["queue_time_ms"])
    assert list(first) == ["time_to_first_token_ms", "generation_time_ms", "queue_time_ms", "mean_itl_ms", "tokens_per_second"]
    assert first["queue_time_ms"] == 0
    assert second["queue_time_ms"] > first["time_to_first_token_ms"]
    assert second["generation_time_ms"] == pytest.approx(20)
    assert second["mean_itl_ms"] == pytest.approx(10)
    assert second["tokens_per_second"] == pytest.approx(3000 / (second["time_to_first_token_ms"] + 20))
    assert all("metrics" not in event for event in without_usage)
    values = {sample.name: sample.value for family in text_string_to_metric_families(page) for sample in family.samples}
    for name, key in (("queue", "queue_time_ms"), ("decode", "generation_time_ms")):
        last = 20 if key == "generation_time_ms" else 0
        assert values[f"vllm:request_{name}_time_seconds_sum"] == pytest.approx((first[key] + second[key] + last) / 1e3)


def times_of(answer: bytes) -> dict[str, float]:
    metrics = events(answer)[-1]["metrics"]
    assert isinstance(metrics, dict)
    return metrics


async def test_one_token_has_no_gap_between_tokens(quick: Options) -> None:
    async with simulated("vllm", replace(quick, per_request_metrics=True)) as engine:
        times = times_of(await ask(engine.url, "POST", CHAT, chat(1, stream_options=USAGE)))
    assert "mean_itl_ms" not in times
    assert times["generation_time_ms"] == 0
