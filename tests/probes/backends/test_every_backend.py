"""What holds for all adapters: the registry, odd frames, errors in a stream, and answers in another engine's form."""

import pickle
import re
from collections.abc import Callable
from dataclasses import astuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backends import BACKENDS, form, meant_by, names, resemblance
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
    assert [knob for knob in astuple(backend.knobs) if not re.fullmatch(r"(--[a-z-]+|[A-Z_]+)?", knob)] == []
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
@pytest.mark.parametrize("frame", [b"", b"{", b"null", b"3", b'"x"', b"[]", b"\xff\xfe", b"[" * 100_000, b"[over]", b"9" * 5000])
def test_what_is_no_object_of_the_protocol_is_a_frame_error(backend: WireForm, frame: bytes) -> None:
    with pytest.raises(FrameError):
        backend.read(frame)


@each_backend
def test_what_is_not_json_is_told_as_it_stands_there(backend: WireForm) -> None:
    with pytest.raises(FrameError, match="not JSON: upstream went away"):
        backend.read(b"upstream went away")


@pytest.mark.parametrize("backend", [found for _, found in OPENAI_STYLE], ids=[name for name, _ in OPENAI_STYLE])
@pytest.mark.parametrize(
    "frame",
    [
        b'{"choices":"x"}',
        b'{"choices":["x"]}',
        b'{"choices":[{"delta":"Hel"}]}',
        b'{"choices":[{"delta":{"content":5}}]}',
    ],
)
def test_a_chunk_of_the_wrong_shape_is_a_frame_error(backend: WireForm, frame: bytes) -> None:
    with pytest.raises(FrameError):
        backend.read(frame)


@pytest.mark.parametrize("backend", [form("vllm"), form("openai")], ids=["vllm", "openai"])
@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"{}", Event()),
        (b'{"type":"ping"}', Event()),
        (b'{"choices":null}', Event()),
        (b'{"choices":{}}', Event()),
        (b'{"choices":[{}]}', Event()),
        (b'{"choices":[{"delta":null}]}', Event()),
        (b'{"choices":null,"usage":{"completion_tokens":5,"prompt_tokens":9}}', Event(output_tokens=5, input_tokens=9)),
        (b'{"usage":{"completion_tokens":5}}', Event(output_tokens=5)),
        (b'{"choices":[],"usage":[]}', Event()),
        (b'{"choices":[],"usage":{"completion_tokens":5.0}}', Event(output_tokens=5)),
        (b'{"choices":[],"usage":{"completion_tokens":"5"}}', Event(output_tokens=5)),
        (b'{"choices":[],"usage":{"completion_tokens":" 5.0 "}}', Event(output_tokens=5)),
        (b'{"choices":[],"usage":{"completion_tokens":NaN,"prompt_tokens":Infinity}}', Event()),
        (b'{"choices":[],"usage":{"completion_tokens":"many"}}', Event()),
        (b'{"choices":[],"usage":{"completion_tokens":-1}}', Event()),
        (b'{"choices":[],"usage":{"completion_tokens":true}}', Event()),
        (b'{"choices":[],"usage":{"prompt_tokens":99999999999999999999999}}', Event()),
        (b'{"choices":[{"delta":{},"finish_reason":1}]}', Event()),
        (b'{"choices":[{"delta":{},"finish_reason":""}]}', Event()),
        (b'{"choices":[{"delta":{},"finish_reason":"null"}]}', Event()),
        (b'{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"logprob":NaN}]}}]}', Event(text="a")),
        (b'{"choices":[{"delta":{"content":"\\ud83d"}}]}', Event(text="\ud83d")),
        (b'{"choices":[{"delta":{"content":["a",{"type":"text","text":"b"},{"type":"image_url"}]}}]}', Event(text="ab")),
        (b'{"choices":[{"delta":{"content":{"type":"text","text":"b"}}}]}', Event(text="b")),
        (
            b'{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"a"}]}}]}',
            Event(text="a", reasoning="Hm"),
        ),
        (b'{"choices":[{"delta":{"reasoning":true}}]}', Event()),
        (b'{"choices":[{"delta":{"reasoning":{"text":"Hm"}}}]}', Event(reasoning="Hm")),
        (b'{"choices":[{"delta":{"reasoning_content":["H",{"text":"m"}]}}]}', Event(reasoning="Hm")),
        (b'{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","text":"Hm"}]}}]}', Event(reasoning="Hm")),
        (b'{"choices":[{"delta":{"reasoning":"Hm","reasoning_details":[{"text":"Hm"}]}}]}', Event(reasoning="Hm")),
        (b'{"choices":[{"delta":{"content":null,"refusal":"No."}}]}', Event(text="No.")),
        (b'{"choices":[{"delta":{"tool_calls":{}}}]}', Event()),
        (b'{"choices":[{"delta":{"tool_calls":["x",{"function":null}]}}]}', Event()),
        (b'{"choices":[{"delta":{"tool_calls":[{"function":{"name":"get","arguments":{"a":1}}}]}}]}', Event(tool_text='get{"a": 1}')),
        (b'{"choices":[{"delta":{"function_call":{"arguments":"{}"}}}]}', Event(tool_text="{}")),
        (b'{"error":null,"choices":[{"delta":{"content":"a"}}]}', Event(text="a")),
        (b'{"error":{},"choices":[{"delta":{"content":"a"}}]}', Event(text="a")),
        (b'{"code":0,"message":"success","choices":[{"delta":{"content":"a"}}]}', Event(text="a")),
        (b'{"code":0,"message":"success"}', Event()),
        (
            b'{"choices":[],"usage":{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":4}}}',
            Event(output_tokens=9, reasoning_tokens=4),
        ),
        (b'{"choices":[],"usage":{"completion_tokens":9,"reasoning_tokens":4}}', Event(output_tokens=9, reasoning_tokens=4)),
        (b" [DONE] ", Event(done=True)),
    ],
)
def test_what_users_clients_read_is_read(backend: WireForm, frame: bytes, event: Event) -> None:
    assert backend.read(frame) == event


@each_backend
@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b'{"error":{"message":"gone"}}', "gone"),
        (b'{"error":"gone"}', "gone"),
        (b'{"choices":null,"message":"gone"}', "gone"),
        (b'{"choices":[],"usage":null,"message":"gone"}', "gone"),
        (b'{"error":{"message":7}}', '{"message": 7}'),
        (b'{"error":{"kind":"x"}}', '{"kind": "x"}'),
        (b'{"error":{"message":""},"message":"gone"}', "gone"),
        (b'{"error":true,"message":"gone"}', "gone"),
        (b'{"error":"Bad","message":"gone"}', "Bad: gone"),
        (b'{"error":{"error":{"message":"gone"}}}', "gone"),
        (b'{"error":"{\\"error\\":{\\"message\\":\\"gone\\"}}"}', "gone"),
        (b'{"error":{"message":{"detail":[{"loc":["body","seed"],"msg":"gone"}]}}}', "body.seed: gone"),
        (b'{"error":["gone"]}', "gone"),
        (b'{"object":"error","message":"gone"}', "gone"),
        (b'{"type":"error","error":{"message":"gone"}}', "gone"),
        (b'{"message":"gone"}', "gone"),
        (b'{"detail":"gone"}', "gone"),
        (b'{"code":500,"msg":"gone"}', "gone"),
        (b'[{"error":{"message":"gone"}}]', "gone"),
        (b'[{"object":"error","message":"gone"}]', "gone"),
    ],
)
def test_an_error_of_any_form_is_an_error_with_its_words(backend: WireForm, frame: bytes, words: str) -> None:
    assert backend.read(frame).refusal == Refusal(Reason.SERVER_ERROR, words)


@each_backend
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"message": "x", "type": "overloaded_error"}, Reason.OVERLOADED),
        ({"message": "x", "type": "insufficient_quota"}, Reason.OVERLOADED),
        ({"message": "x", "code": "rate_limit_exceeded"}, Reason.OVERLOADED),
        ({"message": "x", "status": "RESOURCE_EXHAUSTED"}, Reason.OVERLOADED),
        ({"message": "x", "code": 429}, Reason.OVERLOADED),
        ({"message": "x", "code": "503"}, Reason.OVERLOADED),
        ({"message": "no healthy upstream", "code": 503}, Reason.UNAVAILABLE),
        ({"message": "generation is paused for a weight update; retry shortly", "status": 503}, Reason.UNAVAILABLE),
        ({"message": "x", "code": "slow_down"}, Reason.OVERLOADED),
        ({"message": "All workers are busy"}, Reason.OVERLOADED),
        ({"message": "System is really busy. Please try again later."}, Reason.OVERLOADED),
        ({"message": "x", "code": "AuthFailure.SecretIdNotFound"}, Reason.AUTH),
        ({"message": "x", "code": 502}, Reason.UNAVAILABLE),
        ({"message": "Request failed: Error code: 503 - {'error': {'message': 'Loading model'}}", "code": 1}, Reason.UNAVAILABLE),
        ({"message": "Error code: 400 - {'error': {'message': 'x'}}"}, Reason.REJECTED),
        ({"message": "x", "code": "content_filter"}, Reason.REJECTED),
        ({"message": "x", "type": "data_inspection_failed"}, Reason.REJECTED),
        ({"message": "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain x."}, Reason.REJECTED),
        ({"message": "The server is busy"}, Reason.OVERLOADED),
        ({"message": "Too many requests"}, Reason.OVERLOADED),
        ({"message": "x", "type": "authentication_error"}, Reason.AUTH),
        ({"message": "x", "type": "invalid_request_error", "code": "invalid_api_key"}, Reason.AUTH),
        ({"message": "x", "code": 401}, Reason.AUTH),
        ({"message": "x", "code": "model_not_found"}, Reason.MODEL_MISSING),
        ({"message": "x", "type": "NotFoundError", "code": 404}, Reason.MODEL_MISSING),
        ({"message": "The model `nope` does not exist."}, Reason.MODEL_MISSING),
        ({"message": "x", "type": "BadRequestError", "code": 400}, Reason.REJECTED),
        ({"message": "x", "type": "invalid_request_error"}, Reason.REJECTED),
        ({"message": "This model's maximum context length is 2048 tokens"}, Reason.REJECTED),
        ({"message": "x", "type": "InternalServerError", "code": 500}, Reason.SERVER_ERROR),
        ({"message": "CUDA out of memory"}, Reason.SERVER_ERROR),
    ],
)
def test_an_error_in_a_stream_is_told_as_what_it_stands_for(backend: WireForm, error: dict[str, object], reason: Reason) -> None:
    refusal = backend.read(orjson.dumps({"error": error})).refusal
    assert refusal == Refusal(reason, str(error["message"]))


@pytest.mark.parametrize("backend", [found for _, found in OPENAI_STYLE], ids=[name for name, _ in OPENAI_STYLE])
@pytest.mark.parametrize(
    "choice",
    [
        {"delta": {"content": ""}, "finish_reason": None, "error": {"code": 500, "message": "gone"}},
        {"delta": {"content": ""}, "finish_reason": "error", "error": "gone"},
        {"delta": {"error": {"message": "gone"}}},
    ],
)
def test_an_error_in_a_choice_is_an_error(backend: WireForm, choice: dict[str, object]) -> None:
    assert backend.read(orjson.dumps({"choices": [choice]})).refusal == Refusal(Reason.SERVER_ERROR, "gone")


@each_backend
@pytest.mark.parametrize("more", ["", "Request failed: "])
def test_a_status_that_stands_in_the_words_of_an_error_is_its_status(backend: WireForm, more: str) -> None:
    words = f"{more}Error code: 401 - {{'message': 'x'}}"
    assert backend.read(orjson.dumps({"error": words})).refusal == Refusal(Reason.AUTH, words)


def finishing(backend: WireForm, finish_reason: str) -> Event:
    """A last frame with a finish reason, as the backend's engine writes it."""
    if backend.path == "/api/chat":
        frame: dict[str, object] = {"done": True, "done_reason": finish_reason}
    elif backend.path == "/generate_stream":
        frame = {"token": {"text": "a"}, "generated_text": "a", "details": {"finish_reason": finish_reason}}
    else:
        frame = {"choices": [{"delta": {}, "finish_reason": finish_reason}]}
    return backend.read(orjson.dumps(frame))


@each_backend
@pytest.mark.parametrize("word", ["stop", "STOP", "length", "max_tokens", "MAX_TOKENS", "tool_calls", "eos_token", "stop_sequence", "content_filter"])
def test_a_finish_reason_that_ends_an_answer(backend: WireForm, word: str) -> None:
    event = finishing(backend, word)
    assert (event.finish_reason, event.refusal) == (word, None)


@each_backend
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("abort", Reason.ERROR_IN_STREAM),
        ("error", Reason.ERROR_IN_STREAM),
        ("network_error", Reason.ERROR_IN_STREAM),
        ("cancelled", Reason.ERROR_IN_STREAM),
        ("a word of tomorrow", Reason.ERROR_IN_STREAM),
        ("insufficient_system_resource", Reason.OVERLOADED),
        ("overloaded", Reason.OVERLOADED),
    ],
)
def test_a_finish_reason_that_is_no_end_of_an_answer(backend: WireForm, word: str, reason: Reason) -> None:
    assert finishing(backend, word).refusal == Refusal(reason, f"finish_reason {word}")


VLLM_ERROR = b'{"error":{"message":"The model `tgi` does not exist.","type":"NotFoundError","param":"model","code":404}}'
TGI_ERROR = b'{"error":"Model is overloaded","error_type":"overloaded"}'
TGI_TOKEN = b'{"index":1,"token":{"id":1,"text":"a"},"generated_text":null}'
OLLAMA_LINE = b'{"model":"m","created_at":"2026-08-22T10:00:00Z","message":{"role":"assistant","content":"a"},"done":false}'
FLAT_ERROR = b'{"object":"error","message":"x","type":"BadRequestError","param":null,"code":400}'
LLAMACPP_ERROR = b'{"error":{"message":"File Not Found","type":"not_found_error","code":404}}'
LLAMACPP_CHUNK = b'{"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}],"timings":{"cache_n":0,"predicted_n":1}}'
OPENAI_CHUNK = b'{"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}]}'


@pytest.mark.parametrize(
    ("asked", "answer", "looks"),
    [
        (("tgi", "chat"), VLLM_ERROR, "vLLM: --backend vllm"),
        (("ollama", "chat"), FLAT_ERROR, "vLLM: --backend vllm"),
        (("sglang", "chat"), FLAT_ERROR, None),
        (("ollama", "chat"), LLAMACPP_ERROR, "llama.cpp: --backend llamacpp"),
        (("vllm", "chat"), LLAMACPP_CHUNK, "llama.cpp: --backend llamacpp"),
        (("llamacpp", "chat"), LLAMACPP_CHUNK, None),
        (("openai", "chat"), LLAMACPP_CHUNK, None),
        (("ollama", "chat"), b'{"detail":"Not Found"}', "vLLM: --backend vllm"),
        (("tgi", "generate"), TGI_ERROR, None),
        (("tgi", "chat"), TGI_ERROR, None),
        (("tgi", "generate"), b"404 page not found", "Ollama: --backend ollama"),
        (("openai", "chat"), b"404 page not found", None),
        (("vllm", "chat"), TGI_ERROR, "TGI: --backend tgi"),
        (("vllm", "chat"), TGI_TOKEN, "TGI: --backend tgi --api generate"),
        (("openai", "chat"), TGI_TOKEN, "TGI: --backend tgi --api generate"),
        (("openai", "chat"), OLLAMA_LINE + b"\n" + OLLAMA_LINE, "Ollama: --backend ollama"),
        (("ollama", "chat"), b"data: " + OPENAI_CHUNK + b"\n\ndata: [DONE]\n\n", "any OpenAI-compatible server: --backend openai"),
        (("tgi", "generate"), OPENAI_CHUNK, "any OpenAI-compatible server: --backend openai"),
        (("openai", "chat"), VLLM_ERROR, None),
        (("vllm", "chat"), VLLM_ERROR, None),
        (("vllm", "chat"), b'{"detail":"Not Found"}', None),
        (("openai", "chat"), OPENAI_CHUNK, None),
        (("vllm", "chat"), b"", None),
        (("ollama", "chat"), b"<html>nginx</html>", None),
    ],
)
def test_an_answer_in_another_engines_form_says_so(asked: tuple[str, str], answer: bytes, looks: str | None) -> None:
    assert resemblance(answer, form(*asked)) == (None if looks is None else f"this looks like {looks}")
