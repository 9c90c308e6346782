from __future__ import annotations

import math

import pytest

from config.demand import (
    chats_per_second_at_most,
    chats_per_second_on_average,
    longest_interval_seconds,
    streams_at_worst,
    tokens_of_largest_chat,
    tokens_per_hour,
)
from config.model import Scenario
from config.reader import parse
from probes.prompts import sets


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
    ("written", "average", "longest_seconds"),
    [
        ("every: 10s", 0.1, 10),
        ("rate: 2/s", 2, 0.5),
        ("rate: 2/s, arrivals: poisson", 2, 1.5),
        ("stages: [{rate: 2/s, for: 1m}, {rate: 1/s, for: 1m}]", 1.5, 1),
        ("stages: [{rate: 2/s, for: 1m}, {rate: 1/s}]", 1, 1),
        ("stages: [{rate: 0/s, for: 1m}, {rate: 1/s, for: 1m}, {rate: 0/s, for: 2m}]", 0.25, 181),
        ("stages: [{rate: 1/s, for: 1m}, {rate: 0/s}]", 0, math.inf),
        ("users: 2, think_time: 3s, max_tokens: 50", 0.5, 2),
        ("users: 2, max_tokens: 50", 2, 0.5),
        ("users: 2, think_time: {between: [1s, 5s]}, max_tokens: 50", 0.5, 3),
        ("users: 2, think_time: {exponential: 3s}, max_tokens: 50", 0.5, 5),
        ("stages: [{users: 4, for: 1m}, {users: 0, for: 1m}], think_time: 3s, max_tokens: 50", 0.5, 61),
    ],
)
def test_on_average_and_at_the_slowest(written: str, average: float, longest_seconds: float) -> None:
    assert chats_per_second_on_average(scenario(written)) == pytest.approx(average)
    assert longest_interval_seconds(scenario(written)) == pytest.approx(longest_seconds)


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        ("every: 10s, prompt: {input_tokens: 900}", 360_000),
        ("every: 10s, prompt: {text: 'four'}", 360 * 101),
        ("rate: 1/s", 396_000),
        ("stages: [{rate: 3/s, for: 1m}, {rate: 0/s, for: 2m}]", 396_000),
        ("stages: [{rate: 3/s, for: 1m}, {rate: 1/s}]", 110 * (3600 + 2 * 60)),
        ("stages: [{rate: 9/s, for: 1m}, {rate: 0/s}]", 110 * 9 * 60),
        ("stages: [{rate: 0/s, for: 2h}, {rate: 1/s, for: 1h}]", 396_000),
        ("stages: [{rate: 1/s, for: 30m}, {rate: 0/s, for: 2h}, {rate: 2/s, for: 15m}]", 110 * (1800 + 2 * 900)),
        ("stages: [{rate: 1/s, for: 40m}, {rate: 0/s, for: 30m}]", 110 * 2400),
        ("stages: [{rate: 0/s, for: 10m}, {rate: 1/s, for: 30m}]", 110 * 3000),
        ("users: 4, think_time: 2s", 396_000),
        ("stages: [{users: 8, for: 1m}, {users: 0, for: 1m}], think_time: 2s", 396_000),
        ("stages: [{users: 4, for: 1h}, {users: 0, for: 23h}], think_time: 2s", 396_000),
    ],
)
def test_tokens_in_the_busiest_hour(written: str, tokens: float) -> None:
    prompt = "" if "prompt" in written else ", prompt: {input_tokens: 10}"
    assert tokens_per_hour(scenario(f"{written}, max_tokens: 100{prompt}"), 100) == pytest.approx(tokens)


@pytest.mark.parametrize("name", sets.names())
def test_tokens_of_prompts_and_conversations(name: str) -> None:
    said = sets.load(name)
    alone, held = scenario(f"every: 1h, max_tokens: 100, prompt: {name}"), scenario(f"every: 1h, max_tokens: 100, conversation: {name}")
    assert tokens_per_hour(alone, 100) == pytest.approx(100 + sum(map(len, said.prompts)) / 4 / len(said.prompts))
    assert tokens_of_largest_chat(alone, 100) == pytest.approx(100 + max(map(len, said.prompts)) / 4)
    assert tokens_of_largest_chat(held, 100) == pytest.approx(100 * len(said.conversation) + sum(map(len, said.conversation)) / 4)
    assert 100 < tokens_per_hour(held, 100) < tokens_of_largest_chat(held, 100)
