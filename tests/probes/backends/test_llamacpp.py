"""llama.cpp's server: what it is sent, and each trap of its stream, by the bytes that it sends."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from probes import backends
from probes.ask import Ask, Message
from probes.backends.base import Event, FrameError, Refusal
from probes.failure import Reason
from probes.own_account import Native

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]

LLAMACPP = backends.form("llamacpp")
ENGINE = backends.get("llamacpp")
ASK = Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", seed=7)


def test_body_asks_for_its_own_times_and_leaves_the_length_to_the_model() -> None:
    assert LLAMACPP.body(ASK) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "timings_per_token": True,
        "max_tokens": 5,
        "temperature": 0,
        "seed": 7,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_a_cold_chat_is_not_looked_up_piece_by_piece_and_its_later_turns_find_the_earlier_ones() -> None:
    body = LLAMACPP.body(replace(ASK, nonce="a1b2"))
    assert body["n_cache_reuse"] == 0
    assert "cache_prompt" not in body
    assert "n_cache_reuse" not in LLAMACPP.body(ASK)


def test_an_exact_length_has_no_end_of_its_own() -> None:
    body = LLAMACPP.body(replace(ASK, exact_length=True))
    assert (body["ignore_eos"], body["max_tokens"]) == (True, 5)


def test_thinking_is_a_matter_of_the_chat_template() -> None:
    assert LLAMACPP.body(replace(ASK, thinking=True))["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_whole_chat(events_of: ReadEvents) -> None:
    role, *tokens, finish, usage, done = events_of("llamacpp/chat.sse")
    assert role == Event()
    assert [event.running_tokens for event in tokens] == [1, 2, 3, 4, 5]
    assert all(event.text for event in tokens)
    assert finish == Event(finish_reason="length")
    assert (usage.output_tokens, usage.input_tokens) == (5, 13)
    assert done == Event(done=True)


def test_its_own_times_are_those_of_the_last_chunk(events_of: ReadEvents) -> None:
    first, last = events_of("llamacpp/chat.sse")[1].native, events_of("llamacpp/chat.sse")[-2].native
    assert first is not None
    assert last is not None
    assert first.decode_seconds == pytest.approx(1e-6)
    assert last.decode_seconds == pytest.approx(0.003675)
    assert first.prefill_seconds == last.prefill_seconds == pytest.approx(0.002896)
    assert first.cached_tokens == last.cached_tokens == 0
    assert last.queue_seconds is last.first_token_seconds is None


def test_without_being_asked_it_tells_its_times_on_the_finish_chunk(events_of: ReadEvents) -> None:
    role, first, *_, finish, done = events_of("llamacpp/chat-without-usage.sse")
    assert (role, first) == (Event(), Event(text=first.text))
    assert (finish.output_tokens, finish.running_tokens, finish.finish_reason) == (4, 4, "length")
    assert finish.native is not None
    assert done.done


def test_older_builds_have_the_usage_on_the_finish_chunk(events_of: ReadEvents) -> None:
    first, *_, finish, done = events_of("llamacpp/usage-on-finish.sse")
    assert first.text
    assert (finish.output_tokens, finish.input_tokens, finish.finish_reason) == (3, 11, "length")
    assert finish.native == Native(prefill_seconds=4.652 / 1e3, decode_seconds=4.538 / 1e3)
    assert done.done


def test_reasoning_is_not_answer_text(events_of: ReadEvents) -> None:
    thoughts = [event for event in events_of("llamacpp/reasoning.sse") if event.reasoning]
    assert [event.text for event in thoughts] == ["", "", ""]
    assert [event.running_tokens for event in thoughts] == [1, 2, 3]


def test_an_error_after_text_ends_the_stream(events_of: ReadEvents) -> None:
    *texts, error = events_of("llamacpp/error-after-text.sse")
    assert any(event.text for event in texts)
    assert error == Event(refusal=Refusal(Reason.SERVER_ERROR, "Context size has been exceeded."))


@pytest.mark.parametrize("timings", [b"7", b"[]", b"{}", b'{"prompt_ms":"soon","predicted_ms":-1}'])
def test_times_that_cannot_be_read_cost_nothing_else(timings: bytes) -> None:
    event = LLAMACPP.read(b'{"choices":[],"usage":{"completion_tokens":5},"timings":' + timings + b"}")
    assert event.output_tokens == 5
    assert event.native in (None, Native())


@pytest.mark.parametrize(
    ("status", "name", "reason", "words"),
    [
        (400, "400-field.json", Reason.REJECTED, "Field 'max_tokens': Value must be between -1 <= value <= 2147483647, but got -5"),
        (
            400,
            "400-context.json",
            Reason.REJECTED,
            "request (3011 tokens) exceeds the available context size (2048 tokens), try increasing it",
        ),
        (401, "401.json", Reason.AUTH, "Invalid API Key"),
        (501, "501-metrics.json", Reason.SERVER_ERROR, "This server does not support metrics endpoint. Start it with `--metrics`"),
        (503, "503-loading.json", Reason.UNAVAILABLE, "Loading model"),
    ],
)
def test_refusals(body_of: ReadBody, status: int, name: str, reason: Reason, words: str) -> None:
    assert LLAMACPP.refuse(status, body_of(f"llamacpp/{name}")) == Refusal(reason, words)


def test_a_server_with_several_models_does_not_know_the_name() -> None:
    """llama.cpp `tools/server/server-models.cpp::router_validate_model`."""
    body = orjson.dumps({"error": {"code": 400, "message": "model 'nope' not found", "type": "invalid_request_error"}})
    assert LLAMACPP.refuse(400, body) == Refusal(Reason.MODEL_MISSING, "model 'nope' not found")


def test_what_it_lists(body_of: ReadBody) -> None:
    listed = body_of("llamacpp/models.json")
    ENGINE.recognise(listed)
    assert ENGINE.models(listed) == ("tiny",)


@pytest.mark.parametrize("body", [b'{"data":[{"id":"tiny","owned_by":"vllm"}]}', b'{"data":[]}', b'{"data":["tiny"]}', b"{}", b"no"])
def test_the_list_of_another_server_is_not_its(body: bytes) -> None:
    with pytest.raises(FrameError):
        ENGINE.recognise(body)


def test_its_properties_tell_the_build_and_the_context_of_a_slot(body_of: ReadBody) -> None:
    props = body_of("llamacpp/props.json")
    assert (ENGINE.version(props), ENGINE.longest_chat(props, "tiny")) == ("b0-unknown", 2048)


@pytest.mark.parametrize("props", [b"{}", b'{"build_info":7}', b'{"build_info":"a\\nb"}', b"[]", b"no"])
def test_properties_without_a_build_name_none(props: bytes) -> None:
    with pytest.raises(FrameError):
        ENGINE.version(props)


@pytest.mark.parametrize("props", [b"{}", b'{"default_generation_settings":7}', b'{"default_generation_settings":{"n_ctx":-1}}'])
def test_properties_without_a_context_say_nothing_of_it(props: bytes) -> None:
    assert ENGINE.longest_chat(props, "tiny") is None


@pytest.mark.parametrize(
    ("listed", "model", "answering"),
    [
        ([{"id": "tiny", "aliases": ["tiny", "small"]}], "made-up", "tiny"),
        ([{"id": "tiny", "aliases": ["tiny", "small"]}], "small", "small"),
        ([{"id": "/models/tiny.gguf"}], "tiny", "/models/tiny.gguf"),
        ([{"id": "tiny", "status": {"value": "unloaded"}}], "made-up", "made-up"),
        ([{"id": "a", "status": {"value": "loaded"}}, {"id": "b", "status": {"value": "unloaded"}}], "made-up", "made-up"),
        ([], "made-up", "made-up"),
    ],
)
def test_its_one_model_answers_whatever_is_named_and_a_router_refuses(listed: list[object], model: str, answering: str) -> None:
    for form in ({"data": listed}, {"models": listed}, listed):
        assert ENGINE.answering(model, orjson.dumps(form)) == answering
