from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import Capacity, Latency, Options, simulated
from tests.simulator.raw import CHAT, ask, chat, dechunk, events, split

GENERATE = "/generate_stream"


def normal(chunk: bytes) -> bytes:
    return re.sub(rb'"(content|text|generated_text)":"[^"]+"', rb'"\1":"T"', re.sub(rb'"created":\d+', b'"created":0', chunk))


async def test_chat_has_the_role_on_every_event_and_usage_in_one_of_its_own(quick: Options) -> None:
    async with simulated("tgi", quick) as engine:
        status, headers, body = split(await ask(engine.url, "POST", CHAT, chat(2, model="tgi", stream_options={"include_usage": True})))
    start = b'data: {"object":"chat.completion.chunk","id":"","created":0,"model":"tgi","system_fingerprint":"3.3.6-dev0-native","choices":['
    delta = b'{"index":0,"delta":{"role":"assistant","content":"T"},"logprobs":null,"finish_reason":'
    chunks, ended = dechunk(body)
    assert [normal(chunk) for chunk in chunks] == [
        start + delta + b'null}],"usage":null}\n\n',
        start + delta + b'"length"}],"usage":null}\n\n',
        start + b'],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert (status, headers["content-type"], headers["cache-control"], ended) == (200, "text/event-stream", "no-cache", True)


async def test_generate_stream_ends_without_a_marker(quick: Options) -> None:
    body = {"inputs": "one two three", "parameters": {"max_new_tokens": 2, "details": True}}
    async with simulated("tgi", quick) as engine:
        frames = events(await ask(engine.url, "POST", GENERATE, body))
    assert [frame["index"] for frame in frames] == [1, 2]
    assert frames[0]["generated_text"] is None
    assert frames[1]["generated_text"] == "".join(frame["token"]["text"] for frame in frames)  # type: ignore[index]
    assert frames[1]["details"] == {"finish_reason": "length", "generated_tokens": 2, "seed": 42, "input_length": 3}


async def test_a_full_router_says_so_inside_the_stream() -> None:
    headers = {"X-Sim-Fault": "overloaded"}
    async with simulated("tgi", Options()) as engine:
        status, _, body = split(await ask(engine.url, "POST", CHAT, chat(), headers))
        assert (status, b"".join(dechunk(body)[0])) == (
            200,
            b'data: {"error":{"message":"Model is overloaded","http_status_code":422}}\n\ndata: [DONE]\n\n',
        )
        status, _, body = split(await ask(engine.url, "POST", GENERATE, {"inputs": "a"}, headers))
        assert (status, b"".join(dechunk(body)[0])) == (200, b'data: {"error":"Model is overloaded","error_type":"overloaded"}\n\n')
        status, _, body = split(await ask(engine.url, "POST", CHAT, chat() | {"stream": False}, headers))
        assert (status, body) == (429, b'{"error":"Model is overloaded","error_type":"overloaded"}')


async def test_a_prompt_that_does_not_fit_is_refused_inside_the_stream() -> None:
    async with simulated("tgi", Options(capacity=Capacity(context_tokens=16))) as engine:
        (frame,) = events(await ask(engine.url, "POST", GENERATE, {"inputs": "a b c", "parameters": {"max_new_tokens": 20}}))
    assert frame["error_type"] == "validation"
    assert "must be <= 16. Given: 3 `inputs` tokens and 20 `max_new_tokens`" in str(frame["error"])


@pytest.mark.parametrize(
    ("wanted", "context", "tokens"),
    [(1024, 4096, 1024), (1025, 4096, 2048), (2048, 4096, 2048), (4000, 4096, 3072), (4000, 1100, 1024), (None, 4096, 4093)],
)
async def test_answers_of_more_than_1024_tokens_come_in_whole_parts_as_far_as_they_fit(wanted: int | None, context: int, tokens: int) -> None:
    """Router 3.3.7 before a shard that never ends an answer by itself."""
    options = Options(
        latency=Latency(prefill_tokens_per_second=1e9, decode_seconds=1e-5, first_token_seconds=0, jitter=0),
        capacity=Capacity(context_tokens=context),
        answer_tokens=20_000,
    )
    parameters = {"details": True} | ({} if wanted is None else {"max_new_tokens": wanted})
    async with simulated("tgi", options) as engine:
        frames = events(await ask(engine.url, "POST", GENERATE, {"inputs": "one two three", "parameters": parameters}))
        text = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
    assert frames[-1]["details"]["generated_tokens"] == len(frames) == tokens  # type: ignore[index]
    assert frames[-1]["details"]["finish_reason"] == "length"  # type: ignore[index]
    parts = -(-tokens // 1024)
    assert f"\ntgi_request_input_length_count {parts}\n" in text
    assert f"\ntgi_request_input_length_sum {3 * parts + 1024 * sum(range(parts))}" in text
    assert f"\ntgi_request_max_new_tokens_sum {tokens}" in text
    assert "\ntgi_request_queue_duration_count 1\n" in text
    assert f'tgi_batch_inference_count{{method="prefill"}} {parts}\n' in text
    assert "\ntgi_request_success 1\n" in text


async def test_only_the_first_part_of_an_answer_must_fit() -> None:
    async with simulated("tgi", Options(capacity=Capacity(context_tokens=1100))) as engine:
        asked = {"inputs": "a " * 76 + "a", "parameters": {"max_new_tokens": 4000}}
        (frame,) = events(await ask(engine.url, "POST", GENERATE, asked))
    assert "must be <= 1100. Given: 77 `inputs` tokens and 1024 `max_new_tokens`" in str(frame["error"])


async def test_the_key_is_asked_for_without_a_body() -> None:
    async with simulated("tgi", Options(api_key="Secret")) as engine:
        status, _, body = split(await ask(engine.url, "POST", CHAT, chat()))
        assert (status, body) == (401, b"")
        assert split(await ask(engine.url, "POST", CHAT, chat(), {"Authorization": "Bearer sEcret"}))[0] == 200
        assert split(await ask(engine.url, "GET", "/v1/models"))[0] == 200


async def test_metrics_appear_with_their_first_event_and_without_total(quick: Options) -> None:
    async with simulated("tgi", quick) as engine:
        assert split(await ask(engine.url, "GET", "/metrics"))[2] == b""
        await ask(engine.url, "POST", CHAT, chat(6))
        text = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
    assert "\ntgi_request_success 1\n" in text
    assert "tgi_request_failure" not in text
    samples = {
        (sample.name, tuple(sample.labels.values())): sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }
    assert samples["tgi_request_generated_tokens_sum", ()] == 6
    assert samples["tgi_batch_inference_duration_count", ("decode",)] == 5
    assert samples["tgi_batch_inference_duration_sum", ("decode",)] == 0.05
    assert samples["tgi_request_skipped_tokens_count", ()] == 5
    assert samples["tgi_batch_current_size", ()] == 0


async def test_info_health_and_models(quick: Options) -> None:
    async with simulated("tgi", quick) as engine:
        assert split(await ask(engine.url, "GET", "/health"))[::2] == (200, b"")
        assert b'"model_id":"tiny"' in await ask(engine.url, "GET", "/info")
        body = split(await ask(engine.url, "GET", "/v1/models"))[2]
        assert body == b'{"object":"list","data":[{"id":"tiny","object":"model","created":0,"owned_by":"tiny"}]}'


async def test_failures_are_counted_by_their_cause(quick: Options) -> None:
    async with simulated("tgi", quick) as engine:
        for fault in ("overloaded", "error:1", "error:1"):
            await ask(engine.url, "POST", CHAT, chat(6), {"X-Sim-Fault": fault})
        text = split(await ask(engine.url, "GET", "/metrics"))[2].decode()
    assert 'tgi_request_failure{err="overloaded"} 1\n' in text
    assert 'tgi_request_failure{err="generation"} 2\n' in text
    assert "tgi_request_count 3\n" in text
