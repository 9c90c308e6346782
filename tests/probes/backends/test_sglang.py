"""SGLang: what it is sent, and each trap of its stream, by the bytes that it sends."""

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

SGLANG = backends.form("sglang")
ASK = Ask(model="tiny", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", seed=7)


def test_body_asks_for_running_usage_and_leaves_the_length_to_the_model() -> None:
    assert SGLANG.body(ASK) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "max_tokens": 5,
        "temperature": 0,
        "seed": 7,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_a_cold_chat_is_salted_besides() -> None:
    body = SGLANG.body(replace(ASK, nonce="a1b2"))
    assert body["cache_salt"] == "a1b2"
    assert body["messages"] == backends.form("vllm").body(replace(ASK, nonce="a1b2"))["messages"]


def test_an_exact_length_costs_other_users_nothing() -> None:
    body = SGLANG.body(replace(ASK, exact_length=True))
    assert (body["ignore_eos"], body["max_tokens"]) == (True, 5)
    assert "min_tokens" not in body


def test_thinking_is_a_matter_of_the_chat_template() -> None:
    assert SGLANG.body(replace(ASK, thinking=True))["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_whole_chat(events_of: ReadEvents) -> None:
    role, *tokens, finish, usage, done = events_of("sglang/chat.sse")
    assert role == Event()
    assert [event.running_tokens for event in tokens] == [1, 2, 3, 4]
    assert all(event.text and event.input_tokens == 13 for event in tokens)
    assert finish == Event(finish_reason="length")
    assert usage == Event(output_tokens=4, input_tokens=13, reasoning_tokens=0)
    assert done == Event(done=True)


def test_chunks_say_their_text_alone_without_usage(events_of: ReadEvents) -> None:
    role, *tokens, finish, done = events_of("sglang/chat-without-usage.sse")
    assert (role, finish, done) == (Event(), Event(finish_reason="length"), Event(done=True))
    assert all(event == Event(text=event.text) and event.text for event in tokens)


def test_reasoning_is_not_answer_text(events_of: ReadEvents) -> None:
    events = events_of("sglang/reasoning.sse")
    assert [(event.reasoning, event.text) for event in events[1:3]] == [(" classes", ""), ("qualname", "")]
    assert events[-2].output_tokens == 6


def test_cached_tokens_are_told_where_they_are_reported(events_of: ReadEvents) -> None:
    assert events_of("sglang/cached.sse")[-2].native == Native(cached_tokens=12)
    assert events_of("sglang/chat.sse")[-2].native is None


def test_an_abort_is_an_error_though_it_looks_like_a_finish(events_of: ReadEvents) -> None:
    finish = next(event for event in events_of("sglang/abort.sse") if event.finish_reason)
    assert finish.finish_reason == "abort"
    assert finish.refusal == Refusal(Reason.ERROR_IN_STREAM, "finish_reason abort")


def test_a_full_queue_is_told_after_the_200(events_of: ReadEvents) -> None:
    error, usage, done = events_of("sglang/queue-full.sse")
    assert error.refusal == Refusal(Reason.OVERLOADED, "The request queue is full.")
    assert usage.output_tokens == 0
    assert done.done


@pytest.mark.parametrize(
    ("status", "name", "reason", "words"),
    [
        (400, "400-field.json", Reason.REJECTED, "Messages cannot be empty."),
        (401, "401.json", Reason.AUTH, "Unauthorized"),
        (404, "404-path.json", Reason.REJECTED, "Not Found"),
    ],
)
def test_refusals(body_of: ReadBody, status: int, name: str, reason: Reason, words: str) -> None:
    assert SGLANG.refuse(status, body_of(f"sglang/{name}")) == Refusal(reason, words)


def test_a_chat_that_is_too_long_is_refused_in_its_words(body_of: ReadBody) -> None:
    refusal = SGLANG.refuse(400, body_of("sglang/400-length.json"))
    assert refusal.reason is Reason.REJECTED
    assert refusal.detail.startswith("Requested token count exceeds the model's maximum context length of 2048 tokens.")


@pytest.mark.parametrize(("status", "reason"), [(500, Reason.SERVER_ERROR), (503, Reason.OVERLOADED)])
def test_a_flat_error_is_its_own(status: int, reason: Reason) -> None:
    body = orjson.dumps({"object": "error", "message": "Retry later.", "type": str(status), "param": None, "code": status})
    assert SGLANG.refuse(status, body) == Refusal(reason, "Retry later.")


def test_what_it_lists(body_of: ReadBody) -> None:
    engine, listed = backends.get("sglang"), body_of("sglang/models.json")
    engine.recognise(listed)
    assert engine.models(listed) == ("tiny",)
    assert [engine.longest_chat(listed, model) for model in ("tiny", "any")] == [2048, 2048]


@pytest.mark.parametrize("body", [b'{"data":[{"id":"tiny","owned_by":"vllm"}]}', b'{"data":[]}', b'{"data":["tiny"]}', b"{}", b"no"])
def test_the_list_of_another_server_is_not_its(body: bytes) -> None:
    with pytest.raises(FrameError):
        backends.get("sglang").recognise(body)


@pytest.mark.parametrize("form", [lambda entries: entries, lambda entries: {"models": entries}])
def test_its_models_in_other_lists(form: Callable[[list[object]], object]) -> None:
    engine, listed = backends.get("sglang"), orjson.dumps(form([{"id": "tiny", "owned_by": "sglang", "max_model_len": 2048}]))
    engine.recognise(listed)
    assert (engine.answering("another", listed), engine.longest_chat(listed, "tiny")) == ("tiny", 2048)


def test_a_list_of_no_model_says_nothing_of_lengths() -> None:
    assert backends.get("sglang").longest_chat(b'{"data":[]}', "tiny") is None


def test_its_version_stands_among_its_options() -> None:
    assert backends.get("sglang").version(b'{"model_path":"/m","version":"0.5.23"}') == "0.5.23"


@pytest.mark.parametrize(
    ("model", "answering"),
    [("tiny", "tiny"), ("made-up", "tiny"), ("sql", "tiny"), ("tiny:sql", "tiny:sql"), ("tiny:gone", "tiny:gone")],
)
def test_its_one_model_answers_whatever_is_named_but_an_adapter_behind_a_colon(model: str, answering: str) -> None:
    listed = b'{"data":[{"id":"tiny","parent":null,"owned_by":"sglang"},{"id":"sql","parent":"tiny","owned_by":"sglang"}]}'
    assert backends.get("sglang").answering(model, listed) == answering


@pytest.mark.parametrize(
    "words",
    [
        "The following requested LoRA adapters are not loaded: gone\nLoaded adapters: dict_keys([]).",
        "LoRA adapter 'gone' was requested, but LoRA is not enabled. Please launch the server with --enable-lora flag and preload adapters.",
    ],
)
def test_an_adapter_that_it_does_not_have_is_a_model_that_is_missing(words: str) -> None:
    body = orjson.dumps({"object": "error", "message": words, "type": "BadRequest", "param": None, "code": 400})
    assert backends.form("sglang").refuse(400, body).reason is Reason.MODEL_MISSING
