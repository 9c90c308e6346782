"""vLLM: what it is sent, and each trap of its stream, by the bytes that it sends."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.ask import UNKNOWN_MODEL, Ask, Message
from probes.backends import form, get
from probes.backends.base import Event, Refusal
from probes.failure import Reason
from probes.own_account import Native

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]

VLLM = form("vllm")
ASK = Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", seed=7)


def test_body_asks_for_running_usage_and_leaves_the_length_to_the_model() -> None:
    assert VLLM.body(ASK) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "max_tokens": 5,
        "temperature": 0,
        "seed": 7,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_a_model_whose_name_is_not_known_is_the_one_that_is_there() -> None:
    assert "model" not in VLLM.body(replace(ASK, model=UNKNOWN_MODEL))


def test_a_cold_chat_is_salted_besides_what_every_engine_gets() -> None:
    body = VLLM.body(Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", nonce="a1b2"))
    assert body["cache_salt"] == "a1b2"
    assert body["messages"] == [{"role": "user", "content": "a1b2 (reference number of this conversation, not part of it)\n\nhi"}]


def test_an_exact_length_is_held_from_both_sides() -> None:
    body = VLLM.body(Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", exact_length=True))
    assert (body["ignore_eos"], body["min_tokens"], body["max_tokens"]) == (True, 5, 5)


def test_thinking_is_a_matter_of_the_chat_template() -> None:
    body = VLLM.body(Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", thinking=True))
    assert body["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_whole_chat(events_of: ReadEvents) -> None:
    role, *tokens, finish, usage, done = events_of("vllm/chat.sse")
    assert role == Event(running_tokens=0, input_tokens=11)
    assert [(event.text, event.running_tokens) for event in tokens] == [("match", 1), ("LS", 2), ("LS", 3), ("LS", 4)]
    assert finish == Event(text=" memo", running_tokens=5, output_tokens=5, input_tokens=11, finish_reason="length")
    assert usage == Event(output_tokens=5, input_tokens=11)
    assert done == Event(done=True)


def test_a_role_chunk_says_nothing_without_usage(events_of: ReadEvents) -> None:
    role, first, *_, done = events_of("vllm/chat-without-usage.sse")
    assert role == Event()
    assert first == Event(text="match")
    assert done == Event(done=True)


def test_several_tokens_a_chunk_show_in_the_running_usage(events_of: ReadEvents) -> None:
    events = events_of("vllm/chat-several-tokens-a-chunk.sse")
    assert [event.running_tokens for event in events] == [0, 1, 4, 5, None, None]


def test_an_empty_delta_is_a_token_by_its_usage(events_of: ReadEvents) -> None:
    events = events_of("vllm/empty-deltas.sse")
    assert [(event.text, event.running_tokens) for event in events[:5]] == [("", 0), ("Hel", 1), ("", 2), ("€", 3), ("", 4)]
    assert not any(event.is_token for event in events)


def test_a_finish_chunk_without_a_token_does_not_raise_the_usage(events_of: ReadEvents) -> None:
    _, token, finish, _, _ = events_of("vllm/finish-without-a-token.sse")
    assert (token.running_tokens, finish.running_tokens, finish.finish_reason) == (2, 2, "stop")
    assert not finish.has_text


def test_reasoning_is_not_answer_text(events_of: ReadEvents) -> None:
    events = events_of("vllm/reasoning.sse")
    assert [(event.reasoning, event.text) for event in events[1:4]] == [("The user greets", ""), (".", ""), ("", "Hi")]


def test_reasoning_under_its_older_name(events_of: ReadEvents) -> None:
    _, thought, answer, *_ = events_of("vllm/reasoning-content.sse")
    assert (thought, answer) == (Event(reasoning="Think"), Event(text="Hi"))


def test_tool_calls_are_text_but_no_answer(events_of: ReadEvents) -> None:
    _, name, arguments, finish, *_ = events_of("vllm/tools.sse")
    assert (name.tool_text, arguments.tool_text, finish.tool_text) == ("get_weather", '{"city": "Oslo"}', "")
    assert (name.text, name.running_tokens, finish.finish_reason) == ("", 7, "tool_calls")


def test_keep_alive_comments_are_no_events(events_of: ReadEvents) -> None:
    assert [event.text for event in events_of("vllm/keep-alive.sse")] == ["", "Hi", "", ""]


def test_an_abort_is_an_error_though_it_looks_like_a_finish(events_of: ReadEvents) -> None:
    finish = events_of("vllm/abort.sse")[2]
    assert finish.finish_reason == "abort"
    assert finish.refusal == Refusal(Reason.ERROR_IN_STREAM, "finish_reason abort")


def test_an_error_after_text_is_followed_by_done(events_of: ReadEvents) -> None:
    *_, error, done = events_of("vllm/error-after-text.sse")
    words = "EngineCore encountered an issue. See stack trace (above) for the root cause."
    assert error == Event(refusal=Refusal(Reason.SERVER_ERROR, words))
    assert done.done


def test_a_503_may_come_as_the_first_event(events_of: ReadEvents) -> None:
    assert events_of("vllm/error-first.sse")[0].refusal == Refusal(Reason.OVERLOADED, "The request queue is full.")


def test_an_error_may_be_a_string(events_of: ReadEvents) -> None:
    error = events_of("vllm/error-string.sse")[1]
    assert error.refusal == Refusal(Reason.OVERLOADED, "The model is currently scaling. Please try again later.")


def test_its_own_timing_stands_on_the_usage_chunk(events_of: ReadEvents) -> None:
    usage = events_of("vllm/metrics.sse")[2]
    assert usage.native == Native(queue_seconds=0.01225, prefill_seconds=0.0415, decode_seconds=0.9)


@pytest.mark.parametrize(
    "metrics", [b"7", b"[]", b'{"queue_time_ms":"soon"}', b'{"queue_time_ms":-1}', b'{"queue_time_ms":true}', b'{"queue_time_ms":null}']
)
def test_timing_that_cannot_be_read_costs_nothing_else(metrics: bytes) -> None:
    event = VLLM.read(b'{"choices":[],"usage":{"completion_tokens":5},"metrics":' + metrics + b"}")
    assert event.output_tokens == 5
    assert event.native in (None, Native())


def test_how_much_of_the_prompt_was_cached_stands_in_the_usage() -> None:
    usage = b'"usage":{"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":48}}'
    assert VLLM.read(b'{"choices":[],' + usage + b"}").native == Native(cached_tokens=48)
    assert VLLM.read(b'{"choices":[],' + usage + b',"metrics":{"queue_time_ms":2}}').native == Native(queue_seconds=0.002, cached_tokens=48)


def test_a_stream_that_just_ends_has_no_marker(events_of: ReadEvents) -> None:
    assert not any(event.done for event in events_of("vllm/truncated.sse"))


@pytest.mark.parametrize(
    ("status", "name", "reason", "words"),
    [
        (400, "400-field.json", Reason.REJECTED, "max_tokens must be at least 1, got -1. (parameter=max_tokens, value=-1)"),
        (401, "401.json", Reason.AUTH, "Unauthorized"),
        (404, "404-model.json", Reason.MODEL_MISSING, "The model `nope` does not exist. Valid aliases: tiny."),
        (404, "404-path.json", Reason.REJECTED, "Not Found"),
        (500, "500.json", Reason.SERVER_ERROR, "EngineCore encountered an issue."),
        (503, "503-queue.json", Reason.OVERLOADED, "The request queue is full."),
        (503, "503-scaling.json", Reason.OVERLOADED, "The model is currently scaling. Please try again later."),
    ],
)
def test_refusals(body_of: ReadBody, status: int, name: str, reason: Reason, words: str) -> None:
    assert VLLM.refuse(status, body_of(f"vllm/{name}")) == Refusal(reason, words)


def test_models(body_of: ReadBody) -> None:
    assert get("vllm").models(body_of("vllm/models.json")) == ("tiny",)
