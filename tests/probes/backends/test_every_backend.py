"""What holds for all adapters: the registry, odd frames, and refusals that come from others than the engine."""

import pickle
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backends import BACKENDS, form, meant_by, names
from probes.backends.backend import Backend
from probes.backends.base import Event, FrameError, Refusal, WireForm
from probes.backends.openai_chat import OpenAiChat
from probes.failure import Reason
from probes.wording import shortened

ReadBody = Callable[[str], bytes]

APIS = [(name, api) for name, backend in BACKENDS.items() for api in backend.forms]
FORMS = [form(name, api) for name, api in APIS]
OPENAI_STYLE = [(name, found) for (name, _), found in zip(APIS, FORMS, strict=True) if isinstance(found, OpenAiChat)]
each_backend = pytest.mark.parametrize("backend", FORMS, ids=["-".join(api) for api in APIS])


def test_every_backend_stands_under_its_name_and_can_chat() -> None:
    assert names() == tuple(backend.name for backend in BACKENDS.values())
    assert all(next(iter(backend.forms)) == "chat" for backend in BACKENDS.values())


def test_a_form_travels_to_the_worker_by_its_class() -> None:
    for found in FORMS:
        assert type(pickle.loads(pickle.dumps(found))) is type(found)
        assert not vars(found)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=lambda backend: backend.name)
def test_what_every_backend_says_of_itself(backend: Backend) -> None:
    assert backend.title
    assert backend.recognised_at.startswith("/")
    assert not backend.generic or not backend.aliases
    assert not [alias for alias in backend.aliases if meant_by(alias) != backend.name]
    if backend.metrics is not None:
        told = [one.number for one in backend.metrics.numbers]
        assert len(set(told)) == len(told)
        assert all(one.help.endswith(".") for one in backend.metrics.numbers)
        assert all(name.startswith(backend.metrics.prefixes) for name in (*backend.metrics.denied, *backend.metrics.without_statistics))


def test_no_two_engines_have_one_name_colour_or_prefix() -> None:
    labels = [label for backend in BACKENDS.values() for label in (backend.name, *backend.aliases)]
    colours = [backend.colour for backend in BACKENDS.values() if backend.colour]
    prefixes = [prefix for backend in BACKENDS.values() if backend.metrics for prefix in backend.metrics.prefixes]
    for found in (labels, colours, prefixes):
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(("name", "api"), [("nobody", "chat"), ("vllm", "generate"), ("tgi", "complete")])
def test_an_unknown_backend_is_answered_with_the_ones_there_are(name: str, api: str) -> None:
    message = rf"no backend '{name}' with the API '{api}'; there are: vllm, tgi, tgi \(generate\), ollama, "
    with pytest.raises(ValueError, match=message):
        form(name, api)


WORDS = [
    *("error", "choices", "delta", "usage", "content", "reasoning", "reasoning_content", "tool_calls", "function", "name", "arguments", "message"),
    *("finish_reason", "completion_tokens", "prompt_tokens", "metrics", "queue_time_ms", "model", "system_fingerprint", "done", "done_reason"),
    *("token", "text", "special", "generated_text", "details", "generated_tokens", "input_length", "created_at", "eval_count", "eval_duration"),
    *("thinking", "error_type", "code", "id", "data", "models"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["2026-08-22T10:00:00.5Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "fp_ollama", "abort", ""])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6), max_leaves=25)


def chunk(choice: object = None, **fields: object) -> dict[str, object]:
    return {"choices": [] if choice is None else [choice], **fields}


FRAMES = (
    VALUES
    | st.builds(lambda delta, finish, usage: chunk({"delta": delta, "finish_reason": finish}, usage=usage), VALUES, VALUES, VALUES)
    | st.builds(lambda usage, metrics: chunk(usage=usage, metrics=metrics), VALUES, VALUES)
    | st.builds(lambda token, details: {"token": token, "generated_text": "x", "details": details}, VALUES, VALUES)
    | st.builds(lambda message, done, at: {"message": message, "done": done, "created_at": at}, VALUES, st.booleans(), SCALARS)
)


def assert_read_or_frame_error(backend: WireForm, frame: bytes) -> None:
    try:
        event = backend.read(frame)
    except FrameError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right, no other exception is
    else:
        assert isinstance(event, Event)
        for tokens in (event.running_tokens, event.output_tokens, event.input_tokens):
            assert tokens is None or (type(tokens) is int and tokens >= 0)


@given(FRAMES, st.sampled_from(FORMS))
def test_any_json_is_read_or_is_a_frame_error(frame: object, backend: WireForm) -> None:
    assert_read_or_frame_error(backend, orjson.dumps(frame))


@given(st.binary(max_size=60), st.sampled_from(FORMS))
def test_any_bytes_are_read_or_are_a_frame_error(frame: bytes, backend: WireForm) -> None:
    assert_read_or_frame_error(backend, frame)


@given(FRAMES, st.sampled_from(FORMS), st.integers(100, 599))
def test_any_error_body_gives_a_reason_and_a_detail(body: object, backend: WireForm, status: int) -> None:
    refusal = backend.refuse(status, orjson.dumps(body))
    assert shortened(refusal.detail)


@given(VALUES, st.sampled_from([*BACKENDS.values()]))
def test_any_list_of_models_is_read_or_is_a_frame_error(body: object, backend: Backend) -> None:
    try:
        found = backend.models(orjson.dumps(body))
    except FrameError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right, no other exception is
    else:
        assert all(isinstance(name, str) for name in found)


@each_backend
@pytest.mark.parametrize("frame", [b"", b"{", b"null", b"3", b'"x"', b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"[done]"])
def test_what_is_no_object_of_the_protocol_is_a_frame_error(backend: WireForm, frame: bytes) -> None:
    with pytest.raises(FrameError):
        backend.read(frame)


@pytest.mark.parametrize("backend", [found for _, found in OPENAI_STYLE], ids=[name for name, _ in OPENAI_STYLE])
@pytest.mark.parametrize(
    "frame",
    [
        b'{"choices":null}',
        b'{"choices":{}}',
        b'{"choices":["x"]}',
        b'{"choices":[{"delta":"Hel"}]}',
        b'{"choices":[{"delta":{"content":5}}]}',
        b'{"choices":[{"delta":{"content":["a"]}}]}',
        b'{"choices":[{"delta":{"reasoning":true}}]}',
        b'{"choices":[{"delta":{"tool_calls":{}}}]}',
        b'{"choices":[{"delta":{"tool_calls":["x"]}}]}',
        b'{"choices":[{"delta":{},"finish_reason":1}]}',
        b'{"choices":[],"usage":[]}',
        b'{"choices":[],"usage":{"completion_tokens":"5"}}',
        b'{"choices":[],"usage":{"completion_tokens":-1}}',
        b'{"choices":[],"usage":{"completion_tokens":5.0}}',
        b'{"choices":[],"usage":{"completion_tokens":true}}',
        b'{"choices":[],"usage":{"prompt_tokens":99999999999999999999999}}',
    ],
)
def test_a_chunk_of_the_wrong_shape_is_a_frame_error(backend: WireForm, frame: bytes) -> None:
    with pytest.raises(FrameError):
        backend.read(frame)


@each_backend
@pytest.mark.parametrize("error", [b'""', b"0", b"false", b"[]", b'{"message":7}', b'{"kind":"x"}'])
def test_an_error_of_any_form_is_an_error(backend: WireForm, error: bytes) -> None:
    refusal = backend.read(b'{"error":' + error + b"}").refusal
    assert refusal is not None
    assert refusal.reason is Reason.ERROR_IN_STREAM
    assert refusal.detail


@each_backend
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (100, Reason.PROTOCOL),
        (200, Reason.PROTOCOL),
        (204, Reason.PROTOCOL),
        (302, Reason.REJECTED),
        (401, Reason.AUTH),
        (407, Reason.AUTH),
        (413, Reason.REJECTED),
        (429, Reason.OVERLOADED),
        (500, Reason.SERVER_ERROR),
        (501, Reason.SERVER_ERROR),
        (502, Reason.UNAVAILABLE),
        (503, Reason.UNAVAILABLE),
        (504, Reason.UNAVAILABLE),
        (700, Reason.PROTOCOL),
    ],
)
def test_a_status_without_a_body(backend: WireForm, status: int, reason: Reason) -> None:
    assert backend.refuse(status, b"") == Refusal(reason, f"HTTP {status}, empty body")


@each_backend
def test_a_403_with_words_is_a_matter_of_keys(backend: WireForm) -> None:
    assert backend.refuse(403, b"RBAC: access denied") == Refusal(Reason.AUTH, "RBAC: access denied")


@each_backend
def test_a_routers_503_is_not_the_engines(backend: WireForm, body_of: ReadBody) -> None:
    assert backend.refuse(503, body_of("503-router.html")) == Refusal(Reason.UNAVAILABLE, "503 Service Temporarily Unavailable")
    assert backend.refuse(503, body_of("503-openshift.html")) == Refusal(Reason.UNAVAILABLE, "Application is not available")
    assert backend.refuse(503, b"no healthy upstream") == Refusal(Reason.UNAVAILABLE, "no healthy upstream")


@each_backend
def test_a_404_from_elsewhere_says_nothing_of_the_model(backend: WireForm) -> None:
    assert backend.refuse(404, b"default backend - 404").reason is Reason.REJECTED


def test_an_html_title_is_read_as_text() -> None:
    page = b"<!DOCTYPE html><HTML><head><TITLE lang=en>\n Bad &amp; gone </TITLE></head></HTML>"
    assert form("vllm").refuse(502, page).detail == "Bad & gone"
