from __future__ import annotations

import pytest

from config.effective import effective
from config.reader import parse
from config.starters import PRESETS, starter

FULL = """
web: {listen: "[::]:9840", lifecycle: true}
targets:
  tgi: {backend: tgi, url: https://t, api: generate, tls: {insecure: true}}
  vllm: {backend: vllm, url: http://v, model: m, api_key: {env: KEY}}
scenarios:
  one: {every: 1m30s, prompt: {input_tokens: 256}, timeout: 20s, thinking: on, targets: [vllm], exact_length: true}
  two: {every: 1500ms, prompt: {text: "Why?\\nSo."}}
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
limits: {tokens_per_hour: 1000000000000, discovered_targets: 7}
slos: {s: {scenario: one, ttft: 100ms, objective: 99.95%}}
"""


@pytest.mark.parametrize("text", [FULL, starter(), *map(starter, PRESETS)], ids=["full", "example", *PRESETS])
def test_reads_back_as_the_same(text: str) -> None:
    config = parse(text, environ={"KEY": "x"}).config
    assert parse(effective(config), environ={"KEY": "x"}).config == config


def test_shows_defaults_in_the_words_of_the_configuration() -> None:
    shown = effective(parse(FULL, environ={"KEY": "x"}).config)
    assert "first_token_timeout: 20s" in shown
    assert "thinking: 'on'" in shown
    assert "streams: 500" in shown
    assert "objective: 99.95%" in shown


def test_says_nothing_of_keys_that_do_not_go_with_what_was_written() -> None:
    shown = effective(parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {b: {users: 1, conversation: creative}}\n").config)
    assert "prompt:" not in shown
    assert "arrivals:" not in shown
    assert "every:" not in shown
