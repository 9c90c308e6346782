from __future__ import annotations

import math
from typing import Any

import pytest

from catalogue import unified
from catalogue.metric import Metric
from exporter.native.loaded import LoadedModel
from exporter.native.mapping import ollama
from exporter.native.mapping.ollama import Loaded, loaded, said
from probes.record import Native
from tests.exporter.chats import chat

GIB = 1024.0**3
QWEN = LoadedModel("qwen2.5:latest", size_bytes=4 * GIB, vram_bytes=3 * GIB, context_tokens=4096.0, expires_at=1_800_000_300.0)


def told(**changes: Any) -> list[tuple[Metric, float]]:
    native_times = Native(load_seconds=0.005, prefill_seconds=0.25, decode_seconds=1.5, total_seconds=2.0, server_gaps_seconds=(0.5, 1.0))
    return list(said(chat(backend="ollama", **{"native": native_times, "input_tokens": 12, "output_tokens": 4, **changes})))


def test_every_loaded_model_is_told_of() -> None:
    other = LoadedModel("mistral:7b", size_bytes=8 * GIB, vram_bytes=0.0, context_tokens=None, expires_at=None)
    assert list(loaded("qwen2.5", [QWEN, other])) == [
        Loaded("qwen2.5", unified.MODEL_MEMORY, 4 * GIB),
        Loaded("qwen2.5", unified.MODEL_VRAM, 3 * GIB),
        Loaded("qwen2.5", unified.MODEL_EXPIRY, 1_800_000_300.0),
        Loaded("qwen2.5", unified.CONTEXT_TOKENS, 4096.0),
        Loaded("mistral:7b", unified.MODEL_MEMORY, 8 * GIB),
        Loaded("mistral:7b", unified.MODEL_VRAM, 0.0),
    ]


def test_a_model_that_is_listed_twice_is_told_of_once() -> None:
    again = LoadedModel("qwen2.5:latest", size_bytes=1.0, vram_bytes=1.0, context_tokens=1.0, expires_at=1.0)
    assert list(loaded("qwen2.5", [QWEN, again])) == list(loaded("qwen2.5", [QWEN]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_cannot_be_is_left_out(value: float) -> None:
    assert list(loaded("other", [LoadedModel("qwen", value, value, value, value)])) == []
    assert told(
        native=Native(load_seconds=value, prefill_seconds=value, decode_seconds=value, total_seconds=value, server_gaps_seconds=(value,))
    ) == [
        (unified.PROMPT_TOKENS, 12),
        (unified.GENERATION_TOKENS, 4),
    ]


def test_what_the_last_object_of_an_answer_says() -> None:
    assert told() == [
        (unified.PROMPT_TOKENS, 12),
        (unified.GENERATION_TOKENS, 4),
        (unified.E2E, 2.0),
        (unified.PREFILL, 0.25),
        (unified.DECODE, 1.5),
        (unified.LOAD, 0.005),
        (unified.ITL, 0.5),
        (unified.ITL, 1.0),
        (unified.TPOT, 0.5),
    ]


def test_a_time_per_token_needs_two_tokens() -> None:
    assert unified.TPOT not in dict(told(output_tokens=1))
    assert dict(told(output_tokens=2))[unified.TPOT] == 1.5


def test_tokens_that_chatprobe_counted_are_not_the_engines() -> None:
    found = dict(told(token_source="chunks", native=Native(server_gaps_seconds=(0.5,)), input_tokens=None))
    assert found == {unified.ITL: 0.5}


def test_nothing_else_is_told() -> None:
    assert {metric for metric, _ in told()} == set(ollama.OF_CHATS)
