"""Any OpenAI-compatible server, by the bytes that such servers send."""

from collections.abc import Callable

import pytest

from probes.ask import Ask, Message
from probes.backends import form
from probes.backends.base import Event, Refusal
from probes.failure import Reason
from probes.own_account import Native

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]

OPENAI = form("openai")


def test_body_has_nothing_but_the_common_form() -> None:
    ask = Ask(model="m", messages=(Message("user", "hi"),), max_tokens=5, prompt_id="text", nonce="a1b2", seed=7, thinking=True, exact_length=True)
    assert OPENAI.body(ask) == {
        "model": "m",
        "messages": [{"role": "user", "content": "a1b2 (reference number of this conversation, not part of it)\n\nhi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "temperature": 0,
        "seed": 7,
    }


def test_role_and_text_may_share_a_chunk(events_of: ReadEvents) -> None:
    first, second, finish, usage, done = events_of("openai/ollama-chat.sse")
    assert (first, second) == (Event(text="Hel"), Event(text="lo"))
    assert finish == Event(finish_reason="stop")
    assert usage == Event(output_tokens=3, input_tokens=26)
    assert done.done


def test_reasoning_beside_empty_text(events_of: ReadEvents) -> None:
    assert events_of("openai/ollama-reasoning.sse")[0] == Event(reasoning="The user greets")


def test_usage_may_stand_on_the_finish_chunk(events_of: ReadEvents) -> None:
    finish = events_of("openai/usage-on-finish.sse")[1]
    assert finish == Event(running_tokens=2, output_tokens=2, input_tokens=9, finish_reason="stop")


def test_ollama_shows_an_error_as_a_chunk_of_nothing(events_of: ReadEvents) -> None:
    text, error = events_of("openai/ollama-empty-error.sse")
    assert text == Event(text="Hel")
    assert error.refusal == Refusal(Reason.SERVER_ERROR, "an empty chunk, by which Ollama shows an error here")


def test_a_rate_limit_in_the_stream_is_an_overload(events_of: ReadEvents) -> None:
    assert events_of("openai/rate-limit.sse")[0].refusal == Refusal(Reason.OVERLOADED, "Rate limit reached for requests")


@pytest.mark.parametrize("name", ["404-model.json", "ollama-404-model.json"])
def test_an_unknown_model(body_of: ReadBody, name: str) -> None:
    assert OPENAI.refuse(404, body_of(f"openai/{name}")).reason is Reason.MODEL_MISSING


def test_the_times_of_llamacpp_stand_in_this_form_too() -> None:
    timed = OPENAI.read(b'{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"prompt_ms":41.5,"predicted_n":9,"predicted_ms":900.0}}')
    assert timed.native == Native(prefill_seconds=0.0415, decode_seconds=0.9)
    assert OPENAI.read(b'{"choices":[],"timings":[]}').native is None
