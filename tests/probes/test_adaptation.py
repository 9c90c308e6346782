"""Requests as a server wants them."""

from __future__ import annotations

import json
from dataclasses import replace

from probes.adaptation import Adaptation, fields
from probes.ask import Ask, Endpoint
from probes.backends import form
from probes.hiding import hidden
from probes.request import request_bytes

ENGINE = Endpoint("engine", "vllm", "http://engine.test:8000/base")


def sent(adaptation: Adaptation, ask: Ask, backend: str = "vllm") -> tuple[str, dict[str, object]]:
    """The request's path, and its JSON object."""
    raw = request_bytes(replace(ENGINE, backend=backend, adaptation=adaptation), form(backend), ask, "id")
    head, _, body = raw.partition(b"\r\n\r\n")
    return head.split()[1].decode(), json.loads(body)


def test_fields_have_the_names_of_what_they_are_in() -> None:
    assert fields({"a": 1, "b": {"c": {"d": 2}}, "e": []}) == {"a", "b", "b.c", "b.c.d", "e"}


def test_a_field_is_left_out_alone(ask: Ask) -> None:
    _, body = sent(Adaptation(omit=frozenset({"seed", "stream_options.continuous_usage_stats"})), ask)
    assert "seed" not in body
    assert body["stream_options"] == {"include_usage": True}


def test_more_fields_are_laid_over_the_others(ask: Ask) -> None:
    extra = {"top_p": 0.9, "temperature": 0.5, "chat_template_kwargs": {"effort": "low"}, "stop": None}
    _, body = sent(Adaptation(extra_body=extra), ask)
    assert (body["top_p"], body["temperature"], body["stop"]) == (0.9, 0.5, None)
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "effort": "low"}


def test_the_bound_of_the_answer_by_another_name(ask: Ask) -> None:
    _, body = sent(Adaptation(max_tokens_field="max_completion_tokens"), ask)
    assert body["max_completion_tokens"] == 8
    assert "max_tokens" not in body
    _, learnt = sent(Adaptation().without({"max_tokens", "seed"}), ask)
    assert learnt.keys() == body.keys() - {"seed"}


def test_a_cold_chat_stays_cold_without_its_salt(ask: Ask) -> None:
    _, body = sent(Adaptation().without({"cache_salt"}), replace(ask, nonce="n0nce"))
    messages = body["messages"]
    assert isinstance(messages, list)
    assert "cache_salt" not in body
    assert messages[0]["content"].startswith("n0nce ")


def test_paths_and_query(ask: Ask) -> None:
    elsewhere = Adaptation(chat_path="/v3/chat/completions", query={"api-version": "2024-06-01", "key": "a b&c"})
    path, _ = sent(elsewhere, ask)
    assert path == "/base/v3/chat/completions?api-version=2024-06-01&key=a%20b%26c"
    assert elsewhere.control_path("/v1/models") == "/v3/models"
    assert elsewhere.control_path("/version") == "/version"
    assert Adaptation(chat_path="/talk").control_path("/v1/models") == "/v1/models"


def test_the_query_is_a_secret() -> None:
    one = replace(ENGINE, adaptation=Adaptation(query={"key": "can ary"}))
    assert "can ary" not in repr(one)
    assert hidden("no key can ary, no can%20ary", one) == "no key <secret>, no <secret>"
