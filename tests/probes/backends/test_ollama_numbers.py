from __future__ import annotations

import math
from typing import Any

import pytest

from probes.backends.ollama import OF_CHATS, said
from probes.numbers.loaded import LoadedModel
from probes.numbers.number import Number
from probes.own_account import Native
from tests.exporter.chats import chat

GIB = 1024.0**3
QWEN = LoadedModel("qwen2.5:latest", size_bytes=4 * GIB, vram_bytes=3 * GIB, context_tokens=4096.0, expires_at=1_800_000_300.0)


def told(**changes: Any) -> list[tuple[Number, float]]:
    native_times = Native(
        load_seconds=0.005, queue_seconds=0.245, prefill_seconds=0.25, decode_seconds=1.5, total_seconds=2.0, server_gaps_seconds=(0.5, 1.0)
    )
    return list(said(chat(backend="ollama", **{"native": native_times, "input_tokens": 12, "output_tokens": 4, **changes})))


def test_what_is_told_of_a_loaded_model() -> None:
    assert list(QWEN.numbers()) == [
        (Number.MODEL_MEMORY, 4 * GIB),
        (Number.MODEL_VRAM, 3 * GIB),
        (Number.MODEL_EXPIRY, 1_800_000_300.0),
        (Number.CONTEXT_TOKENS, 4096.0),
    ]
    assert list(LoadedModel("mistral:7b", size_bytes=8 * GIB, vram_bytes=0.0).numbers()) == [
        (Number.MODEL_MEMORY, 8 * GIB),
        (Number.MODEL_VRAM, 0.0),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_cannot_be_is_left_out(value: float) -> None:
    assert list(LoadedModel("qwen", value, value, value, value).numbers()) == []
    assert told(
        native=Native(
            load_seconds=value,
            queue_seconds=value,
            prefill_seconds=value,
            decode_seconds=value,
            total_seconds=value,
            server_gaps_seconds=(value,),
        )
    ) == [
        (Number.PROMPT_TOKENS, 12),
        (Number.GENERATION_TOKENS, 4),
    ]


def test_what_the_last_object_of_an_answer_says() -> None:
    assert told() == [
        (Number.PROMPT_TOKENS, 12),
        (Number.GENERATION_TOKENS, 4),
        (Number.E2E, 2.0),
        (Number.TTFT, 0.5),
        (Number.QUEUE, 0.245),
        (Number.PREFILL, 0.25),
        (Number.DECODE, 1.5),
        (Number.LOAD, 0.005),
        (Number.ITL, 0.5),
        (Number.ITL, 1.0),
        (Number.TPOT, 0.5),
    ]


def test_a_time_per_token_needs_two_tokens() -> None:
    assert Number.TPOT not in dict(told(output_tokens=1))
    assert dict(told(output_tokens=2))[Number.TPOT] == 1.5


def test_tokens_that_chatprobe_counted_are_not_the_engines() -> None:
    found = dict(told(token_source="chunks", native=Native(server_gaps_seconds=(0.5,)), input_tokens=None))
    assert found == {Number.ITL: 0.5}


def test_nothing_else_is_told() -> None:
    assert {number for number, _ in told()} == set(OF_CHATS.helps)
