"""Sides of a comparison whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.comparing.own import DEFINITIONS, TOOL
from bench.comparing.run import ComparedRun, Side, Taken, Target
from bench.level import Measured
from bench.summary.sample import sample
from tests.bench.summary.chats import Engine, level

FACTS = {"seed": "7", "prober": "a machine", "tool.version": "0.1.0", "prompts": "short questions"}
ENGINE = {"engine": "vllm", "engine.version": "0.11.0", "model": "tiny", "engine.flags": "context of 8192 tokens", "hardware": "H100"}


def taken(measured: Measured, target: str = "vllm") -> Taken:
    """What a run of ours took of it."""
    found = sample(target, measured)
    return Taken(load=measured.level.name, sample=found, timed=True, attempts=len(found.attempts))


def run(
    engine: Engine = Engine(),  # noqa: B008 - frozen
    *,
    name: str = "a",
    seed: int = 1,
    rounds: int = 5,
    chats: int = 120,
    facts: Mapping[str, str] = FACTS,
    of_engine: Mapping[str, str] = ENGINE,
    levels: tuple[str, ...] = ("10 users",),
    **more: Any,
) -> ComparedRun:
    """A run of ours with one target, `vllm`."""
    measured = {each: level({"vllm": engine}, rounds=rounds, chats=chats, seed=seed + number, name=each) for number, each in enumerate(levels)}
    target = Target(name="vllm", levels={each: taken(one) for each, one in measured.items()}, facts=of_engine)
    return ComparedRun(name=name, source=f"results/{name}", tool=TOOL, targets={"vllm": target}, definitions=DEFINITIONS, facts=facts, **more)


def baseline(*runs: ComparedRun) -> Side:
    return Side("baseline", runs or (run(),))


def candidate(*runs: ComparedRun) -> Side:
    return Side("candidate", runs or (run(name="b", seed=50),))
