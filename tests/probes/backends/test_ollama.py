"""Ollama: what it is sent, what it must never be sent, and each trap of its stream, by the bytes that it sends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from probes.ask import Ask, Message
from probes.backends import form, get
from probes.backends.base import Event, FrameError, Refusal
from probes.backends.ollama_models import loaded, with_tag
from probes.failure import Reason
from probes.own_account import Native

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]

OLLAMA = form("ollama")
TEN_O_CLOCK_NS = int(datetime(2026, 8, 22, 10, tzinfo=UTC).timestamp()) * 1_000_000_000
NATIVE = Native(load_seconds=0.012, queue_seconds=1.503 - 0.202, prefill_seconds=0.13, decode_seconds=0.06, total_seconds=1.503)


def ask(*, thinking: bool = False, nonce: str | None = None) -> Ask:
    return Ask(
        model="llama3.2:1b",
        messages=(Message("user", "hi"),),
        max_tokens=5,
        prompt_id="text",
        thinking=thinking,
        nonce=nonce,
        seed=7,
        exact_length=True,
    )


def test_body_holds_nothing_that_would_load_reload_or_pin_a_model_for_others() -> None:
    assert OLLAMA.body(ask()) == {
        "model": "llama3.2:1b",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "think": False,
        "truncate": False,
        "options": {"num_predict": 5, "temperature": 0, "seed": 7},
    }


def test_thinking_is_asked_for_by_name() -> None:
    assert OLLAMA.body(ask(thinking=True))["think"] is True


def test_the_context_of_the_model_in_memory_is_asked_for() -> None:
    body = OLLAMA.body(replace(ask(), context_tokens=2048))
    assert body == OLLAMA.body(ask()) | {"options": {"num_predict": 5, "temperature": 0, "seed": 7, "num_ctx": 2048}}


def test_a_cold_chat_carries_its_nonce_at_the_very_front() -> None:
    content = "a1b2 (reference number of this conversation, not part of it)\n\nhi"
    assert OLLAMA.body(ask(nonce="a1b2"))["messages"] == [{"role": "user", "content": content}]


def test_a_whole_chat(events_of: ReadEvents) -> None:
    first, second, last = events_of("ollama/chat.ndjson")
    assert first == Event(text="Hel", created_ns=TEN_O_CLOCK_NS + 1_123_456_789)
    assert second == Event(text="lo", created_ns=TEN_O_CLOCK_NS + 1_143_400_000)
    assert last == Event(
        output_tokens=3,
        input_tokens=26,
        finish_reason="stop",
        done=True,
        created_ns=TEN_O_CLOCK_NS + 1_163_456_780,
        native=NATIVE,
    )


MS = 1_000_000


@pytest.mark.parametrize(
    ("durations", "queue", "first_token"),
    [
        ({"total": 560 * MS, "load": 8 * MS, "prompt_eval": 10 * MS, "eval": 263 * MS}, 0.279, 0.297),
        # one token: Go leaves out a duration of zero
        ({"total": 30 * MS, "load": 2 * MS, "prompt_eval": 10 * MS}, 0.018, 0.030),
        # llama.cpp's clock of its slot may run past Ollama's own
        ({"total": 30 * MS, "load": 2 * MS, "prompt_eval": 10 * MS, "eval": 20 * MS}, 0.0, 0.012),
        ({"load": 2 * MS, "prompt_eval": 10 * MS, "eval": 20 * MS}, None, 0.012),
        ({"total": 30 * MS, "load": 2 * MS, "eval": 20 * MS}, None, None),
        ({"total": 30 * MS, "load": 2 * MS, "prompt_eval": 10 * MS, "eval": "20ms"}, None, 0.012),
    ],
)
def test_the_wait_for_a_slot_is_what_its_durations_leave_of_the_whole(
    durations: dict[str, object], queue: float | None, first_token: float | None
) -> None:
    told = OLLAMA.read(orjson.dumps({"done": True, **{f"{part}_duration": value for part, value in durations.items()}})).native
    assert told is not None
    assert (told.queue_seconds, told.first_token_seconds) == (
        None if queue is None else pytest.approx(queue),
        None if first_token is None else pytest.approx(first_token),
    )


def test_times_with_an_offset(events_of: ReadEvents) -> None:
    events = events_of("ollama/offset.ndjson")
    assert [event.created_ns for event in events] == [TEN_O_CLOCK_NS + part for part in (1_123_456_789, 1_500_000_000, 2_000_000_000)]


@pytest.mark.parametrize("stamp", ["yesterday", "2026-13-40T10:00:00Z", "2026-08-22 10:00:00Z", "", 5, None, "2026-08-22T10:00:00+25:00"])
def test_a_time_that_cannot_be_read_costs_nothing_else(stamp: object) -> None:
    line = {"created_at": stamp, "message": {"role": "assistant", "content": "Hel"}, "done": False}
    assert OLLAMA.read(orjson.dumps(line)) == Event(text="Hel")


def test_thinking_is_not_answer_text(events_of: ReadEvents) -> None:
    thought, answer, _ = events_of("ollama/thinking.ndjson")
    assert (thought.reasoning, thought.text, answer.reasoning, answer.text) == ("The user greets", "", "", "Hi")


def test_a_tool_call_comes_whole_with_its_arguments_as_an_object(events_of: ReadEvents) -> None:
    call, last = events_of("ollama/tools.ndjson")
    assert (call.tool_text, call.text, last.tool_text) == ('get_weather{"city": "Oslo"}', "", "")


def test_an_error_line_ends_the_stream_without_a_marker(events_of: ReadEvents) -> None:
    _, error = events_of("ollama/error-after-text.ndjson")
    assert error == Event(refusal=Refusal(Reason.SERVER_ERROR, "an error was encountered while running the model: CUDA error"))


def test_silent_truncation_has_neither_marker_nor_error(events_of: ReadEvents) -> None:
    assert not any(event.done or event.refusal for event in events_of("ollama/silent-truncation.ndjson"))


def test_a_reason_why_it_is_done_is_an_end_though_done_is_not_said() -> None:
    event = OLLAMA.read(b'{"message":{"content":""},"done":false,"done_reason":"stop","eval_count":2,"prompt_eval_count":4}')
    assert (event.finish_reason, event.output_tokens, event.input_tokens, event.done) == ("stop", 2, 4, False)


def test_an_answer_that_only_loaded_the_model_bears_nothing(events_of: ReadEvents) -> None:
    (event,) = events_of("ollama/load-only.ndjson")
    assert (event.has_text, event.output_tokens, event.finish_reason, event.done) == (False, None, "load", True)


@pytest.mark.parametrize(
    ("status", "name", "reason", "words"),
    [
        (400, "400-think.json", Reason.REJECTED, '"llama3.2:1b" does not support thinking'),
        (404, "404.json", Reason.MODEL_MISSING, "model 'nope' not found"),
        (404, "404-path.txt", Reason.REJECTED, "404 page not found"),
        (503, "503.json", Reason.OVERLOADED, "server busy, please try again.  maximum pending requests exceeded"),
    ],
)
def test_refusals(body_of: ReadBody, status: int, name: str, reason: Reason, words: str) -> None:
    assert OLLAMA.refuse(status, body_of(f"ollama/{name}")) == Refusal(reason, words)


def test_an_empty_403_is_its_check_of_the_host_and_no_matter_of_keys() -> None:
    assert OLLAMA.refuse(403, b"").reason is Reason.REJECTED
    assert OLLAMA.refuse(403, b'{"error":"forbidden"}') == Refusal(Reason.AUTH, "forbidden")


def test_models_on_disk_and_in_memory(body_of: ReadBody) -> None:
    assert get("ollama").models(body_of("ollama/tags.json")) == ("llama3.2:1b", "qwen3:latest")
    assert [model.name for model in loaded(body_of("ollama/ps.json"))] == ["qwen3:latest"]
    assert loaded(b'{"models":[]}') == loaded(b'{"models":null}') == ()
    with pytest.raises(FrameError, match="no list of models"):
        loaded(b'{"models":"qwen3"}')


def test_an_error_in_place_of_models_is_told_by_its_words() -> None:
    for read in (loaded, get("ollama").models):
        with pytest.raises(FrameError, match=r"^unauthorized$"):
            read(b'{"error":"unauthorized"}')


@pytest.mark.parametrize(("told", "read"), [("4096", 4096), ("0", None), ("-1", None), ('"4096"', None), ("1" + "0" * 30, None)])
def test_a_context_is_one_that_can_be_asked_for(told: str, read: int | None) -> None:
    [model] = loaded(f'{{"models":[{{"name":"qwen3","context_length":{told}}}]}}'.encode())
    assert model.context_tokens == read


@pytest.mark.parametrize(
    ("model", "full_name"),
    [
        ("qwen3", "qwen3:latest"),
        ("qwen3:latest", "qwen3:latest"),
        ("qwen3:8b", "qwen3:8b"),
        ("host:5000/team/qwen3", "host:5000/team/qwen3:latest"),
        ("host:5000/team/qwen3:8b", "host:5000/team/qwen3:8b"),
    ],
)
def test_a_name_without_a_tag_means_latest(model: str, full_name: str) -> None:
    assert with_tag(model) == full_name


def test_a_line_that_does_not_say_that_it_is_not_the_last_is_not() -> None:
    assert OLLAMA.read(b'{"message":{"content":"Hel"}}') == Event(text="Hel")
    assert OLLAMA.read(b'{"message":{"content":"lo"},"done":null}') == Event(text="lo")


@pytest.mark.parametrize(
    ("model", "alike"),
    [
        ("qwen3", "registry.ollama.ai/library/qwen3:latest"),
        ("Qwen3:8B", "qwen3:8b"),
        ("library/qwen3", "qwen3"),
        ("https://registry.ollama.ai/library/QWEN3", "qwen3:LATEST"),
        ("hf.co/Org/Model-GGUF:Q4_K_M", "HF.co/org/model-gguf:q4_k_m"),
        ("host:5000/team/qwen3", "host:5000/team/qwen3:latest"),
    ],
)
def test_names_of_one_model(model: str, alike: str) -> None:
    assert get("ollama").model_key(model) == get("ollama").model_key(alike)


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("qwen3", "qwen3:8b"),
        ("team/qwen3", "qwen3"),
        ("hf.co/library/qwen3", "qwen3"),
        ("host:5000/team/a", "host:5001/team/a"),
        ("a:latest", "a:late"),
    ],
)
def test_names_of_two_models(model: str, other: str) -> None:
    assert get("ollama").model_key(model) != get("ollama").model_key(other)
