"""Which fields a refusal names, by the forms in which servers write it."""

from __future__ import annotations

import json

import pytest

from probes.adaptation import fields
from probes.ask import Ask, Message
from probes.backends import BACKENDS
from probes.spare import SPARE, named, told

ASK = Ask(model="m", messages=(Message("user", "x"),), max_tokens=1, prompt_id="x", nonce="n", exact_length=True)
SENT = fields(BACKENDS["vllm"].forms["chat"].body(ASK))


def loc(*place: object) -> dict[str, object]:
    return {"type": "extra_forbidden", "loc": list(place), "msg": "Extra inputs are not permitted", "input": 1}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (422, {"detail": [loc("body", "cache_salt"), loc("body", "seed")]}, {"cache_salt", "seed"}),
        (422, {"detail": [loc("body", "stream_options", "continuous_usage_stats")]}, {"stream_options.continuous_usage_stats"}),
        (422, {"detail": [loc("body", "stream_options")]}, {"stream_options"}),
        (422, {"detail": [loc("body", "ChatRequest", "seed")]}, {"seed"}),
        (422, {"message": {"detail": [loc("body", "seed")]}}, {"seed"}),
        (400, {"error": {"message": "Unsupported value: 'temperature' does not support 0", "param": "temperature"}}, {"temperature"}),
        (400, {"error": {"message": "chat_template is not supported for this tokenizer.", "param": None}}, {"chat_template_kwargs"}),
        (400, {"error": {"message": "property 'cache_salt' is unsupported"}}, {"cache_salt"}),
        # pydantic's words, in which a line end goes before the name
        (400, {"message": "1 validation error for ChatCompletionRequest\nchat_template_kwargs\n  Extra inputs"}, {"chat_template_kwargs"}),
        (400, {"message": json.dumps({"errors": ["\tseed"]})}, {"seed"}),
        (400, {"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'chat_template_kwargs')}]"}, {"chat_template_kwargs"}),
        (
            400,
            {"error": {"message": "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "param": "max_tokens"}},
            {"max_tokens"},
        ),
        (400, {"error": {"message": "max_tokens is too large: 4096"}}, set()),
        (400, {"error": {"message": "the prompt exceeds what was seeded"}}, set()),
        (400, {"error": {"message": "no seed can help", "param": "messages"}}, set()),
        (422, {"detail": [loc("body", "messages", 0, "content")]}, set()),
        (400, {"error": {"message": "ignore_eos and min_tokens are not supported"}}, set()),
        (400, {"error": {"message": "unknown field top_k"}}, set()),
        (404, {"error": {"message": "no model for this seed"}}, set()),
        (200, {"error": {"message": "seed"}}, set()),
    ],
)
def test_what_is_named(status: int, body: object, expected: set[str]) -> None:
    assert named(status, json.dumps(body).encode(), SENT) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "missing", "loc": ["body", "user"], "msg": "Field required"}, set()),
        ({"type": "value_error", "loc": ["body"], "msg": "Value error, cache_salt is not supported"}, {"cache_salt"}),
    ],
)
def test_a_request_that_is_repeated_names_nothing(error: dict[str, object], expected: set[str]) -> None:
    sent = BACKENDS["vllm"].forms["chat"].body(ASK)
    later = loc("body", "top_k")
    assert named(422, json.dumps({"detail": [{**error, "input": sent, "ctx": {"error": {}}}, later]}).encode(), SENT) == expected
    # vLLM, which writes pydantic's errors into its words
    assert named(400, json.dumps({"error": {"message": f"1 validation error:\n  { ({**error, 'input': sent}) }"}}).encode(), SENT) == expected


def test_a_name_between_escapes() -> None:
    # .NET writes an apostrophe so
    assert named(400, rb'{"message":"unsupported: \u0027seed\u0027"}', SENT) == {"seed"}


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 10_000, b"[" * 200 + b'{"loc":["body","seed"]}' + b"]" * 200])
def test_whatever_else_is_sent_breaks_nothing(body: bytes) -> None:
    assert named(400, body, SENT) <= SPARE.keys()


def test_only_what_was_sent_is_named() -> None:
    assert named(400, b"seed, temperature", {"temperature", "messages"}) == {"temperature"}


def test_each_has_its_cost() -> None:
    assert told(["seed", "cache_salt"]).startswith("cache_salt (only the number in front of a cold chat")
