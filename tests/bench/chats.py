"""Chats of a benchmark run as tests make them up."""

from __future__ import annotations

from bench.chat import Chat, ChatOutcome, Place


def chat(
    since_seconds: float = 0.0,
    *,
    target: str = "vllm",
    level: str = "1 user",
    round: int = 1,
    block: int = 1,
    warm_up: bool = False,
    outcome: ChatOutcome = "ok",
    ttft_seconds: float | None = 0.1,
    e2e_seconds: float | None = 1.0,
    **more: object,
) -> Chat:
    place = Place(level, round, block, since_seconds, warm_up)
    return Chat(target=target, place=place, outcome=outcome, ttft_seconds=ttft_seconds, e2e_seconds=e2e_seconds, **more)  # type: ignore[arg-type]
