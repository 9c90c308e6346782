from __future__ import annotations

import pytest

from config.effective import effective
from config.reader import parse
from config.starters import PRESETS, starter

FULL = """
web: {listen: "[::]:9840"}
targets:
  tgi: {backend: tgi, url: https://t, api: generate, tls: {insecure: true}}
  vllm: {backend: vllm, url: http://v, model: m, api_key: {env: KEY}}
scenarios:
  one: {every: 1m30s, prompt: {input_tokens: 256}, timeout: 20s, thinking: on, targets: [vllm], exact_length: true}
  two: {every: 1500ms, prompt: {text: "Why?\\nSo."}}
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
