"""One chat of a benchmark run, as every reading of the run has it: live, from the disk, or from another tool's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from probes.record import ChatRecord

ChatOutcome = Literal["ok", "failed", "cut", "unsent"]
"""`cut` is a chat that the end of its block cut off: no attempt, but its tokens count for throughput. `unsent` is one
that was due and was not sent because of its engine, which is dead or hangs: an attempt that was not good."""


def _none() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the run a chat stands. `since_seconds` is when it began, counted from the start of its block's load."""

    level: str
    round: int
    block: int
    since_seconds: float
    warm_up: bool
    """It was sent while its block warmed up, and counts for nothing."""

    def to_json(self) -> dict[str, object]:
        """What a record of a benchmark run has under `bench`."""
        return {"level": self.level, "round": self.round, "block": self.block, "since_seconds": self.since_seconds, "warm_up": self.warm_up}

    @classmethod
    def from_json(cls, written: Mapping[str, object]) -> Place:
        """The place that `to_json` wrote. Raises `KeyError`, `TypeError` and `ValueError` for anything else."""
        since = written["since_seconds"]
        if not isinstance(since, int | float):
            raise TypeError("since_seconds is no number")
        return cls(str(written["level"]), int(str(written["round"])), int(str(written["block"])), float(since), written["warm_up"] is True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """What the statistics know of a chat. Times are seconds; None where there is no such value.

    `gaps_seconds` has the gaps between consecutive token-bearing chunks, and `gap_tokens` the tokens that each of them
    brought: the ITL of each of these tokens is the gap divided by their number.
    """

    target: str
    place: Place
    outcome: ChatOutcome
    reason: str | None = None
    prompt_id: str = ""
    pair_id: str | None = None
    request_id: str = ""
    model: str = ""
    ttft_seconds: float | None = None
    first_content_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None
    stall_seconds: float | None = None
    waited_seconds: float | None = None
    """How long a chat that timed out had waited in vain for its first token."""
    until_first_token_seconds: float | None = None
    """From its start to its first token: TTFT, and the connecting before it."""
    lag_seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    token_source: str | None = None
    chunk_token_source: str | None = None
    clock: str = "kernel"
    doubtful: bool = False
    gathered: bool = False
    """Something on the way gathered its tokens, so that its timings say nothing of the engine."""
    loaded: bool = False
    """It waited for its model to be loaded: a time that is no user's."""
    gaps_seconds: NDArray[np.float64] = field(default_factory=_none)
    gap_tokens: NDArray[np.float64] = field(default_factory=_none)

    @property
    def counts(self) -> bool:
        """Whether it is an attempt: sent after the warm-up, and not cut off by the end."""
        return not self.place.warm_up and self.outcome != "cut"

    @property
    def ended_seconds(self) -> float:
        """When it was over, counted from the start of its block's load; when it began, where it is not known how long it took."""
        return self.place.since_seconds + (self.e2e_seconds or 0.0)


def chat_of(record: ChatRecord, place: Place, *, cut: bool) -> Chat:
    """A chat that has just ended. `cut` says that the run ended it."""
    gaps = record.gaps()
    return Chat(
        target=record.target,
        place=place,
        outcome="cut" if cut or record.outcome == "cancelled" else record.outcome,
        reason=record.reason,
        prompt_id=record.prompt_id,
        pair_id=record.pair_id,
        request_id=record.request_id,
        model=record.model,
        ttft_seconds=record.ttft_seconds,
        first_content_seconds=record.first_content_seconds,
        tpot_seconds=record.tpot_seconds,
        e2e_seconds=record.e2e_seconds,
        stall_seconds=record.stall_seconds,
        waited_seconds=record.waited_seconds,
        until_first_token_seconds=None if record.first_token_ns is None else (record.first_token_ns - record.started_ns) / 1e9,
        lag_seconds=record.schedule_lag_seconds,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        token_source=record.token_source,
        chunk_token_source=record.chunk_token_source,
        clock=record.clock,
        doubtful=record.doubtful,
        gathered=record.bursts is not None,
        loaded=record.load is not None,
        gaps_seconds=np.array([seconds for seconds, _ in gaps]),
        gap_tokens=np.array([tokens for _, tokens in gaps], dtype=np.float64),
    )
