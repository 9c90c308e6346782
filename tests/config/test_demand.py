from __future__ import annotations

import pytest

from config.demand import chats_per_second_at_most, streams_at_worst, tokens_per_hour
from config.model import Scenario
from config.reader import parse


def scenario(written: str) -> Scenario:
    return parse(f"targets: {{v: {{backend: vllm, url: http://v}}}}\nscenarios: {{one: {{{written}}}}}\n").config.scenarios["one"]


@pytest.mark.parametrize(
    ("written", "streams", "chats_per_second"),
    [
        ("every: 10s, timeout: 1m", 6, 0.1),
        ("rate: 2/s, timeout: 1m", 120, 2),
        ("stages: [{rate: 2/s, for: 1m}, {rate: 5/s, for: 1m}, {rate: 0/s}], timeout: 10s", 50, 5),
        ("users: 8, think_time: 3s, max_tokens: 50", 8, 2),
        ("users: 8, max_tokens: 100", 8, 4),
        ("users: 8, think_time: {between: [2s, 4s]}, max_tokens: 50", 8, 2),
        ("stages: [{users: 8, for: 1m}, {users: 0}], think_time: {exponential: 3s}, max_tokens: 50", 8, 2),
    ],
)
def test_at_worst(written: str, streams: float, chats_per_second: float) -> None:
    assert streams_at_worst(scenario(written)) == pytest.approx(streams)
    assert chats_per_second_at_most(scenario(written)) == pytest.approx(chats_per_second)


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        ("every: 10s, max_tokens: 100", 36_000),
        ("every: 10s, max_tokens: 100, prompt: {input_tokens: 900}", 360_000),
        ("rate: 1/s, max_tokens: 100", 360_000),
        ("stages: [{rate: 3/s, for: 1m}, {rate: 0/s, for: 2m}], max_tokens: 100", 360_000),
        ("stages: [{rate: 3/s, for: 1m}, {rate: 1/s}], max_tokens: 100", 360_000),
        ("users: 4, think_time: 2s, max_tokens: 100", 360_000),
        ("stages: [{users: 8, for: 1m}, {users: 0, for: 1m}], think_time: 2s, max_tokens: 100", 360_000),
    ],
)
def test_tokens_in_an_hour_on_the_whole(written: str, tokens: float) -> None:
    assert tokens_per_hour(scenario(written)) == pytest.approx(tokens)
