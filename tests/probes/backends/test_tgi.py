"""TGI: its chat form and `/generate_stream`, and each trap of them, by the bytes that it sends."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from probes.answer import Answer
from probes.ask import UNKNOWN_MODEL, Ask, Message
from probes.backends import form, get
from probes.backends.base import Event, Refusal, WireForm
from probes.failure import Reason
from probes.wire.order import Read

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]

TGI = form("tgi")
GENERATE = form("tgi", "generate")
OUT_OF_MEMORY = "Request failed during generation: Server error: CUDA out of memory."


def ask(*messages: Message, nonce: str | None = None, exact_length: bool = False) -> Ask:
    return Ask(
        model="some/model",
        messages=messages or (Message("user", "hi"),),
        max_tokens=5,
        prompt_id="text",
        nonce=nonce,
        seed=7,
        thinking=True,
        exact_length=exact_length,
    )


def test_chat_body_names_no_model_that_could_be_taken_for_an_adapter() -> None:
    assert TGI.body(replace(ask(exact_length=True), served_model="some/model")) == {
        "model": "tgi",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "temperature": 0,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("model", "served", "adapter"),
    [
        ("some/model", "some/model", None),
        ("tgi", "some/model", None),
        (UNKNOWN_MODEL, None, None),
        ("some/adapter", "some/model", "some/adapter"),
        ("some/adapter", None, "some/adapter"),
    ],
)
def test_any_name_but_the_models_own_is_an_adapters(model: str, served: str | None, adapter: str | None) -> None:
    asked = replace(ask(), model=model, served_model=served)
    assert TGI.body(asked)["model"] == (adapter or "tgi")
    parameters = GENERATE.body(asked)["parameters"]
    assert isinstance(parameters, dict)
    assert parameters.get("adapter_id") == adapter


def test_a_cold_chat_carries_its_nonce_at_the_very_front() -> None:
    body = TGI.body(ask(Message("system", "Be brief."), Message("user", "hi"), nonce="a1b2"))
    assert body["messages"] == [
        {"role": "system", "content": "a1b2 (reference number of this conversation, not part of it)\n\nBe brief."},
        {"role": "user", "content": "hi"},
    ]


def test_generate_body_asks_for_details_and_greedy_decoding() -> None:
    assert GENERATE.body(replace(ask(), served_model="some/model")) == {
        "inputs": "hi",
        "parameters": {"max_new_tokens": 5, "do_sample": False, "details": True, "seed": 7},
    }


def test_generate_writes_a_conversation_as_one_text() -> None:
    messages = Message("user", "hi"), Message("assistant", "Hello."), Message("user", "who?")
    assert GENERATE.body(ask(*messages))["inputs"] == "User: hi\n\nAssistant: Hello.\n\nUser: who?\n\nAssistant:"


def test_generate_carries_its_nonce_at_the_very_front() -> None:
    assert str(GENERATE.body(ask(nonce="a1b2"))["inputs"]).startswith("a1b2 ")
    assert GENERATE.path == "/generate_stream"


def test_each_chat_event_is_a_token_with_text_or_without(events_of: ReadEvents) -> None:
    *tokens, finish, usage, done = events_of("tgi/chat.sse")
    assert tokens == [Event(text="Hel", is_token=True), Event(text="lo", is_token=True), Event(is_token=True)]
    assert finish == Event(finish_reason="stop")
    assert usage == Event(output_tokens=4, input_tokens=21)
    assert done == Event(done=True)


def test_a_finish_by_length_has_the_last_tokens_text(events_of: ReadEvents) -> None:
    assert events_of("tgi/chat-length.sse")[3] == Event(text="re", finish_reason="length")


def test_the_keep_alive_after_15_seconds_is_no_event(events_of: ReadEvents) -> None:
    assert [event.text for event in events_of("tgi/chat-keep-alive.sse")] == ["Hel", "lo", "", ""]


def test_a_tool_call_may_end_without_a_finish_reason(events_of: ReadEvents) -> None:
    events = events_of("tgi/chat-tools.sse")
    assert [event.tool_text for event in events] == ['get_weather{"city"', 'get_weather:"Oslo"}', "", ""]
    assert not any(event.finish_reason for event in events)
    assert events[-1].done


def test_overload_in_the_stream_is_told_by_its_words_as_the_code_is_always_422(events_of: ReadEvents) -> None:
    assert events_of("tgi/chat-overloaded.sse")[0].refusal == Refusal(Reason.OVERLOADED, "Model is overloaded")


def test_a_failed_generation_in_the_stream(events_of: ReadEvents) -> None:
    text, error, done = events_of("tgi/chat-error-after-text.sse")
    assert (text.text, error.refusal, done.done) == ("Hel", Refusal(Reason.SERVER_ERROR, OUT_OF_MEMORY), True)


def test_validation_comes_after_the_200(events_of: ReadEvents) -> None:
    refusal = events_of("tgi/chat-validation.sse")[0].refusal
    assert refusal is not None
    assert refusal.reason is Reason.REJECTED
    assert refusal.detail.startswith("Input validation error: `inputs` tokens")


def test_the_last_generate_event_is_token_and_marker_in_one(events_of: ReadEvents) -> None:
    first, last = events_of("tgi/generate-length.sse", "generate")
    assert first == Event(text="Hi", is_token=True)
    assert last == Event(text=" there", finish_reason="length", output_tokens=2, input_tokens=5, done=True)


def test_the_end_of_the_sequence_is_no_text(events_of: ReadEvents) -> None:
    _, empty, last = events_of("tgi/generate-eos.sse", "generate")
    assert empty == Event(is_token=True)
    assert last == Event(finish_reason="eos_token", output_tokens=3, input_tokens=5, done=True)


def test_an_empty_generated_text_is_a_marker_too(events_of: ReadEvents) -> None:
    assert events_of("tgi/generate-without-details.sse", "generate") == [Event(done=True)]


def test_generate_that_just_ends_has_no_marker(events_of: ReadEvents) -> None:
    assert not any(event.done for event in events_of("tgi/generate-truncated.sse", "generate"))


def test_generate_tells_overload_by_its_error_type(events_of: ReadEvents) -> None:
    assert events_of("tgi/generate-overloaded.sse", "generate") == [Event(refusal=Refusal(Reason.OVERLOADED, "Model is overloaded"))]


def test_generate_that_fails_in_the_stream(events_of: ReadEvents) -> None:
    assert events_of("tgi/generate-error-after-text.sse", "generate")[1].refusal == Refusal(Reason.SERVER_ERROR, OUT_OF_MEMORY)


ERRORS = (
    ("overloaded", "Model is overloaded", Reason.OVERLOADED),
    ("validation", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 6079 and 40", Reason.REJECTED),
    ("validation", "Input validation error: the model is at capacity for grammars", Reason.REJECTED),
    ("generation", "Request failed during generation: Server error: CUDA out of memory", Reason.SERVER_ERROR),
    ("generation", "Request failed during generation: Server error: a dimension must be positive", Reason.SERVER_ERROR),
    ("generation", "Request failed during generation: Server error: model not found in the cache", Reason.SERVER_ERROR),
    ("incomplete_generation", "Incomplete generation", Reason.SERVER_ERROR),
    ("incomplete_generation_stream", "Incomplete generation stream", Reason.SERVER_ERROR),
    ("template_error", "Template error: undefined value", Reason.REJECTED),
    ("missing_template_variable", "Missing template vatiable: name", Reason.REJECTED),
    ("tool_error", "Tool error: no such tool", Reason.REJECTED),
    ("stream_serialization_error", "Stream event serialization error", Reason.SERVER_ERROR),
)
"""All that TGI 3.3 says inside a stream (`infer/mod.rs::InferError`), the misspelt word included."""


def answered(wire: WireForm, *events: dict[str, object]) -> Answer:
    answer = Answer(wire)
    answer.feed([Read(b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events), 1, 0, kernel=True)])
    return answer


@pytest.mark.parametrize(("kind", "words", "reason"), ERRORS)
@pytest.mark.parametrize("api", ["chat", "generate"])
def test_an_error_inside_a_200_is_what_it_says_until_a_token_came(api: str, kind: str, words: str, reason: Reason) -> None:
    error: dict[str, object] = {"error": {"message": words, "http_status_code": 422}} if api == "chat" else {"error": words, "error_type": kind}
    chunk: dict[str, object] = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None}]}
    token: dict[str, object] = {"index": 1, "token": {"id": 1, "text": "a", "special": False}, "generated_text": None}
    before = answered(form("tgi", api), error)
    after = answered(form("tgi", api), chunk if api == "chat" else token, error)
    assert before.failure is not None
    assert after.failure is not None
    assert (before.failure.reason, before.failure.detail) == (reason, words)
    assert after.failure.reason is (Reason.OVERLOADED if reason is Reason.OVERLOADED else Reason.ERROR_IN_STREAM)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Model is overloaded", Reason.OVERLOADED),
        ("Input validation error: `max_new_tokens` must be strictly positive", Reason.REJECTED),
        ("Request failed during generation: Server error: transport error", Reason.SERVER_ERROR),
        ("Incomplete generation", Reason.SERVER_ERROR),
    ],
)
def test_its_code_of_422_misleads_no_other_backend(words: str, reason: Reason) -> None:
    failure = answered(form("openai"), {"error": {"message": words, "http_status_code": 422}}).failure
    assert failure is not None
    assert failure.reason is reason


@pytest.mark.parametrize("backend", [TGI, GENERATE], ids=["chat", "generate"])
@pytest.mark.parametrize(
    ("status", "name", "reason", "words"),
    [
        (422, "422-template.json", Reason.REJECTED, "Template error: template not found"),
        (
            422,
            "422-axum.txt",
            Reason.REJECTED,
            "Failed to deserialize the JSON body into the target type: missing field `messages` at line 1 column 14",
        ),
        (424, "424.json", Reason.SERVER_ERROR, OUT_OF_MEMORY),
        (429, "429.json", Reason.OVERLOADED, "Model is overloaded"),
    ],
)
def test_refusals(backend: WireForm, body_of: ReadBody, status: int, name: str, reason: Reason, words: str) -> None:
    assert backend.refuse(status, body_of(f"tgi/{name}")) == Refusal(reason, words)


def test_a_wrong_key_gets_an_empty_401() -> None:
    assert TGI.refuse(401, b"") == Refusal(Reason.AUTH, "HTTP 401, empty body")


def test_a_wrong_path_gets_an_empty_404() -> None:
    assert TGI.refuse(404, b"").reason is Reason.REJECTED


def test_models(body_of: ReadBody) -> None:
    assert get("tgi").models(body_of("tgi/models.json")) == ("TinyLlama/TinyLlama-1.1B-Chat-v1.0",)


@pytest.mark.parametrize(
    ("max_tokens", "at_most"),
    [(1, 1), (1000, 1000), (1024, 1024), (1025, 2048), (2048, 2048), (2049, 3072), (4000, 4096), (100_000, 100_352)],
)
def test_an_answer_may_have_whole_parts_of_1024_tokens(max_tokens: int, at_most: int) -> None:
    assert get("tgi").longest_answer(max_tokens) == at_most
    assert get("vllm").longest_answer(max_tokens) == max_tokens
