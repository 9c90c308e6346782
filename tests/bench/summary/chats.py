"""Synthetic runs whose truth is known, and chats for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from bench.chat import Chat, Place
from bench.level import Block, Level, Measured
from config.load import ClosedLoop, Load, OpenLoop, RateStage, Trace, UserStage

USERS = ClosedLoop((UserStage(10),))
RATE = OpenLoop((RateStage(Fraction(2)),))
WARM_UP_SECONDS = 5.0
BLOCK_SECONDS = 65.0


def chat(
    target: str = "vllm", *, level: str = "10 users", round: int = 1, block: int = 1, since: float = 10.0, warm_up: bool = False, **changes: object
) -> Chat:
    """A chat of 100 tokens that went well: TTFT 0.2 s, 20 ms a token."""
    tpot = 0.02
    fields: dict[str, object] = {
        "outcome": "ok", "model": "tiny", "ttft_seconds": 0.2, "first_content_seconds": 0.2, "until_first_token_seconds": 0.21, "tpot_seconds": tpot,
        "e2e_seconds": 0.21 + 99 * tpot, "stall_seconds": tpot, "input_tokens": 50, "output_tokens": 100, "token_source": "usage",
        "chunk_token_source": "usage", "gaps_seconds": np.full(99, tpot), "gap_tokens": np.ones(99),
    }  # fmt: skip
    return Chat(target=target, place=Place(level, round, block, since, warm_up), **{**fields, **changes})  # type: ignore[arg-type]


def failed(target: str = "vllm", *, reason: str = "overloaded", **changes: object) -> Chat:
    """A chat that was refused at once."""
    nothing = dict.fromkeys(("ttft_seconds", "first_content_seconds", "until_first_token_seconds", "tpot_seconds", "stall_seconds", "output_tokens"))
    none = {"gaps_seconds": np.empty(0), "gap_tokens": np.empty(0), "token_source": None, "e2e_seconds": 0.01}
    return chat(target, **{**nothing, **none, "outcome": "failed", "reason": reason, **changes})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Engine:
    """What an engine is like: its median TTFT, its time per token, and how many of its chats fail."""

    ttft: float = 0.2
    tpot: float = 0.02
    failing: float = 0.0
    tokens: int = 100
    changes: Mapping[str, object] = field(default_factory=dict)


def level(
    engines: Mapping[str, Engine], *, rounds: int = 5, chats: int = 120, seed: int = 1, name: str = "10 users", load: Load | Trace = USERS,
    shape: Callable[[Chat], Chat] = lambda chat: chat,
) -> Measured:  # fmt: skip
    """One level, with so many chats a round after the warm-up, TTFT lognormal. Each round is one block of all engines."""
    random = np.random.default_rng(seed)
    blocks = tuple(Block(number, name, number, tuple(engines), WARM_UP_SECONDS, BLOCK_SECONDS) for number in range(1, rounds + 1))
    found: list[Chat] = []
    for block in blocks:
        for target, engine in engines.items():
            warm = np.linspace(0.0, WARM_UP_SECONDS, 10, endpoint=False)
            times = np.concatenate([warm, np.linspace(WARM_UP_SECONDS, BLOCK_SECONDS, chats, endpoint=False)])
            found.extend(shape(_one(target, engine, name, block, since, random)) for since in times)
    return Measured(Level(name, dict.fromkeys(engines, load)), blocks, found)


def _one(target: str, engine: Engine, name: str, block: Block, since: float, random: np.random.Generator) -> Chat:
    ttft, tpot = engine.ttft * float(random.lognormal(0, 0.25)), engine.tpot * float(random.lognormal(0, 0.05))
    place = {"level": name, "round": block.round, "block": block.number, "since": float(since), "warm_up": bool(since < WARM_UP_SECONDS)}
    if random.random() < engine.failing:
        return failed(target, **place, **engine.changes)  # type: ignore[arg-type]
    times = {
        "ttft_seconds": ttft, "first_content_seconds": ttft, "until_first_token_seconds": ttft + 0.01, "tpot_seconds": tpot,
        "stall_seconds": 2 * tpot, "e2e_seconds": ttft + 0.01 + (engine.tokens - 1) * tpot, "output_tokens": engine.tokens,
        "gaps_seconds": np.full(engine.tokens - 1, tpot), "gap_tokens": np.ones(engine.tokens - 1),
    }  # fmt: skip
    return chat(target, **place, **{**times, **engine.changes})  # type: ignore[arg-type]
