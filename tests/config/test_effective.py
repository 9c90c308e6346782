from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.effective import effective
from config.quantities import _TURNING
from config.reader import parse
from config.starters import PRESETS, starter

FULL = """
web: {listen: "[::]:9840", lifecycle: true}
targets:
  tgi: {backend: tgi, url: https://t, api: generate, tls: {insecure: true}}
  vllm: {backend: vllm, url: http://v, model: m, api_key: {env: KEY}}
  balanced: {backend: vllm, url: http://b, metrics: {urls: [http://b-0, "http://b-1/own/"]}}
  gateway: {backend: vllm, url: http://g/gw, metrics: {path: /own}}
  silent: {backend: ollama, url: http://o, load_model: true, metrics: false}
scenarios:
  one: {every: 1m30s, prompt: {input_tokens: 256}, timeout: 20s, thinking: on, targets: [vllm], exact_length: true}
  two: {every: 1500ms, yields: true, prompt: {text: "Why?\\nSo."}}
  three: {rate: 100/h, arrivals: poisson, active: Mon-Fri 08:00-18:00 Europe/Berlin}
  four: {users: 5, think_time: {between: [500ms, 1m30s]}, ramp_up: 10s, conversation: customer-support, pair: true}
  five: {users: 1, think_time: {exponential: 2s}, targets: ["*", "team-*"]}
  six: {users: 1, think_time: 2s, active: ["22:00-06:00", "Sat,Sun 00:00-24:00 Asia/Tokyo"]}
  seven: {stages: [{users: 10, for: 30s}, {users: 0}], ramp_up: 5s}
  eight: {stages: [{rate: 0.3/m, for: 30s}, {rate: 0/s, for: 1h}], arrivals: poisson}
  nine:
    every: 15s
    expect:
      greets: {contains: "no"}
      dated: {matches: '\\b20[0-9]{2}\\b'}
      structured: {json_schema: {const: null, properties: {a: {enum: [null, 1.5]}}, required: []}}
      long: {min_tokens: 10}
      german: {language: de}
      readable: {printable: true}
      polite: {no_refusal: true}
      own: {no_refusal: ['(?i)no comment', "nein"]}
discovery: {files: ["/etc/chatprobe/*.yaml"]}
credentials:
  - {host: "*.svc.cluster.local", name: "team-*", api_key: {env: KEY}}
  - {host: 10.0.0.1, tls: {insecure: true}}
limits: {tokens_per_hour: 1000000000000, discovered_targets: 7, load_share: 0.5%}
native: {interval: 1m30s, timeout: 250ms, relay: false, allow: ["vllm:*"], deny: [], buckets: all, series_per_replica: 1, series_in_all: 7}
slos: {s: {scenario: one, ttft: 100ms, objective: 99.95%}}
history: {path: /var/lib/chatprobe/history.sqlite, keep: 36h, size: 1536MiB}
"""


@pytest.mark.parametrize("text", [FULL, starter(), *map(starter, PRESETS)], ids=["full", "example", *PRESETS])
def test_reads_back_as_the_same(text: str) -> None:
    config = parse(text, environ={"KEY": "x"}).config
    assert parse(effective(config), environ={"KEY": "x"}).config == config


LIKE_NUMBERS = (
    "1e5",
    "08",
    "-08",
    "+.5",
    "1E+5",
    "0o17",
    "1_000",
    "1:30",
    "9" * 19,
    ".",
    "1.",
    "~",
    "null",
    "True",
    "on",
    "<<",
    "=",
    ".inf",
    "2026-01-01",
)
texts = st.sampled_from(LIKE_NUMBERS) | st.text("-+.0123456789eE_:oxtrufalsn ~<'\"#\n", max_size=6) | st.text(max_size=30)
texts = texts.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))
schemas = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@given(texts.filter(str.strip), schemas)
@example("0\x85", {"\x85": "a\x85\u2028b"})
@settings(max_examples=150, deadline=None)
def test_any_text_reads_back_as_the_same_text(text: str, constant: object) -> None:
    shown = "".join(mark for mark in text if unicodedata.category(mark) not in ("Cc", "Zl", "Zp") and mark not in _TURNING)
    model = shown if shown.strip() else "m"
    written = {
        "targets": {"v": {"backend": "vllm", "url": "http://v", "model": model}, "08": {"backend": "tgi", "url": "http://t"}},
        "scenarios": {
            "b": {"every": "15s", "prompt": {"text": text}, "expect": {"1e5": {"contains": text}, "s": {"json_schema": {"const": constant}}}}
        },
    }
    config = parse(json.dumps(written)).config
    assert config.targets["v"].model == model
    again = parse(effective(config)).config
    assert again == config
    schema = again.scenarios["b"].expect["s"].json_schema
    assert schema is not None
    assert schema.schema == {"const": constant}


@pytest.mark.parametrize("text", LIKE_NUMBERS)
def test_text_like_a_number_reads_back_as_text(text: str) -> None:
    config = parse(json.dumps({"targets": {"v": {"backend": "vllm", "url": "http://v", "model": text}}, "scenarios": {"b": {"every": "15s"}}})).config
    assert parse(effective(config)).config.targets["v"].model == text


def test_shows_defaults_in_the_words_of_the_configuration() -> None:
    shown = effective(parse(FULL, environ={"KEY": "x"}).config)
    assert "first_token_timeout: 20s" in shown
    assert "thinking: 'on'" in shown
    assert "streams: 500" in shown
    assert "objective: 99.95%" in shown


def test_says_nothing_of_keys_that_do_not_go_with_what_was_written() -> None:
    shown = effective(parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {b: {users: 1, conversation: creative}}\n").config)
    shown = shown.partition("\nbench:")[0]
    assert "prompt:" not in shown
    assert "arrivals:" not in shown
    assert "every:" not in shown


def test_parts_of_requests_stay_as_they_were_written_and_the_query_is_hidden() -> None:
    target = "{backend: vllm, url: http://v, extra_body: {stop: null, top_p: 1}, query: {key: canary}, omit: [seed]}"
    config = parse(f"targets: {{v: {target}}}\nscenarios: {{b: {{every: 15s}}}}\n").config
    shown = effective(config)
    assert "canary" not in shown
    again = parse(shown).config.targets["v"]
    assert (again.extra_body, again.omit) == ({"stop": None, "top_p": 1}, ("seed",))
