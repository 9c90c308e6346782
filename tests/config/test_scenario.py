from __future__ import annotations

from fractions import Fraction

import pytest

from config.load import Between, ClosedLoop, Every, Exponential, Fixed, Load, OpenLoop, RateStage, UserStage
from config.model import Config, Scenario
from config.reader import parse
from probes.prompts import Named

TWO = "targets: {v: {backend: vllm, url: http://v}, w: {backend: tgi, url: http://w}}\n"


def configured(scenario: str, more: str = "") -> Config:
    return parse(f"{TWO}scenarios: {{one: {{{scenario}}}}}\n{more}").config


def one(scenario: str) -> Scenario:
    return configured(scenario).scenarios["one"]


@pytest.mark.parametrize(
    ("written", "load"),
    [
        ("every: 15s", Every(15)),
        ("rate: 30/m", OpenLoop((RateStage(Fraction(1, 2)),))),
        ("rate: 1/s, arrivals: poisson", OpenLoop((RateStage(Fraction(1)),), "poisson")),
        ("users: 5", ClosedLoop((UserStage(5),))),
        ("users: 5, think_time: 2s, ramp_up: 10s", ClosedLoop((UserStage(5),), Fixed(2), 10)),
        ("users: 5, think_time: {between: [1s, 5s]}", ClosedLoop((UserStage(5),), Between(1, 5))),
        ("users: 5, think_time: {exponential: 2s}", ClosedLoop((UserStage(5),), Exponential(2))),
        ("stages: [{users: 10, for: 30s}, {users: 50}]", ClosedLoop((UserStage(10, 30), UserStage(50)))),
        ("stages: [{users: 0, for: 1m}, {users: 1, for: 1m}], think_time: 1s", ClosedLoop((UserStage(0, 60), UserStage(1, 60)), Fixed(1))),
        (
            "stages: [{rate: 5/s, for: 1m}, {rate: 0/s}], arrivals: poisson",
            OpenLoop((RateStage(Fraction(5), 60), RateStage(Fraction(0))), "poisson"),
        ),
        ("every: null, users: 5, rate: null, stages: null, think_time: null", ClosedLoop((UserStage(5),))),
    ],
)
def test_loads(written: str, load: Load) -> None:
    assert one(written).load == load


def test_a_conversation_stands_in_place_of_the_prompt() -> None:
    assert one("users: 1, conversation: customer-support").conversation == "customer-support"
    assert one("users: 1").conversation is None
    assert one("users: 1").prompt == Named("short-question")


@pytest.mark.parametrize(
    ("targets", "covered"),
    [
        ("", ["v", "w", "team-a", "ns/team-a"]),
        ("targets: [w]", ["w"]),
        ("targets: ['*']", ["v", "w", "team-a", "ns/team-a"]),
        ("targets: [v, 'team-*']", ["v", "team-a"]),
        ("targets: ['*team-*']", ["team-a", "ns/team-a"]),
        ("targets: ['*/*']", ["ns/team-a"]),
        ("targets: [V, 'Team-*']", []),
    ],
)
def test_covers(targets: str, covered: list[str]) -> None:
    scenario = configured(f"every: 15s, {targets}", "discovery: {files: [a]}\n").scenarios["one"]
    assert [name for name in ("v", "w", "team-a", "ns/team-a") if scenario.covers(name)] == covered


def test_the_configured_targets_of_a_scenario_by_pattern() -> None:
    config = configured("every: 15s, targets: ['w*']")
    assert list(config.targets_of(config.scenarios["one"])) == ["w"]


def test_pairs_need_two_targets_unless_more_may_be_discovered() -> None:
    assert one("every: 15s, pair: true").pair
    assert configured("every: 15s, pair: true, targets: [v]", "discovery: {files: [a]}\n").scenarios["one"].pair


def test_without_targets_of_its_own_where_they_are_discovered() -> None:
    for targets in ("", "targets: {}\n"):
        config = parse(f"{targets}scenarios: {{one: {{every: 15s}}}}\ndiscovery: {{files: [a]}}\n").config
        assert config.targets == {}
