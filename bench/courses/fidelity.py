"""How true a replay was to its trace: whether its chats came when they were due, and were as long as the trace's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.chat import Chat
from bench.level import Measured
from bench.summary.words import percent
from config.load import Trace
from probes.wording import duration

_PROMPT = "trace/"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One target's chats beside those of the trace.

    `lag_p99_seconds` and `lag_most_seconds` are how late chats began. `input_ratio` is the tokens of all prompts, as the
    engine counted them, by those of the trace's, and `output_ratio` that of the answers of chats that ended well; None
    where no chat tells it.
    """

    target: str
    due: int
    begun: int
    lag_p99_seconds: float
    lag_most_seconds: float
    input_ratio: float | None
    output_ratio: float | None

    @property
    def words(self) -> str:
        """The finding, for people."""
        late = f"late by {duration(self.lag_p99_seconds)} (p99) and {duration(self.lag_most_seconds)} at most"
        lengths = (("prompts", self.input_ratio), ("answers", self.output_ratio))
        told = "".join(f"; {what} had {percent(ratio)} of the trace's tokens" for what, ratio in lengths if ratio is not None)
        return f"{self.begun} of {self.due} chats of the trace were held, {late}{told}"


def fidelity(measured: Measured, target: str) -> Fidelity | None:
    """Of a level with a trace; None for another load, or where no chat was held."""
    trace = measured.level.loads.get(target)
    held = [chat for chat in measured.chats if chat.target == target and chat.outcome != "unsent"]
    if not isinstance(trace, Trace) or not held:
        return None
    lags = [chat.lag_seconds for chat in held]
    blocks = sum(target in block.targets for block in measured.blocks)
    told = [(chat, trace.arrivals[int(chat.prompt_id.removeprefix(_PROMPT)) - 1]) for chat in held if chat.prompt_id.startswith(_PROMPT)]
    inputs = [(chat.input_tokens, arrival.input_tokens) for chat, arrival in told if chat.input_tokens is not None]
    outputs = [(chat.output_tokens, arrival.output_tokens) for chat, arrival in told if _is_whole(chat) and chat.output_tokens is not None]
    return Fidelity(target, blocks * len(trace.arrivals), len(held), float(np.quantile(lags, 0.99)), max(lags), _ratio(inputs), _ratio(outputs))


def _is_whole(chat: Chat) -> bool:
    return chat.outcome == "ok"


def _ratio(pairs: Sequence[tuple[int, int]]) -> float | None:
    return sum(had for had, _ in pairs) / sum(wanted for _, wanted in pairs) if pairs else None
