"""How much a scenario asks of one target, at worst and on the whole: figures for advice, not for schedules."""

from __future__ import annotations

from collections.abc import Sequence

from config.load import ClosedLoop, Every, OpenLoop, RateStage, UserStage
from config.scenario import Scenario
from probes.prompts import Synthetic

TOKENS_PER_SECOND = 50
"""About how fast an engine answers, where the length of a chat is guessed."""


def streams_at_worst(scenario: Scenario) -> float:
    """Chats at once with a target that hangs, so that each chat lasts until its timeout."""
    match scenario.load:
        case Every(seconds):
            return scenario.timeout_seconds / seconds
        case OpenLoop(stages):
            return float(max(stage.per_second for stage in stages)) * scenario.timeout_seconds
        case ClosedLoop(stages):
            return float(max(stage.users for stage in stages))


def chats_per_second_at_most(scenario: Scenario) -> float:
    """How often chats begin where it is most often."""
    match scenario.load:
        case Every(seconds):
            return 1 / seconds
        case OpenLoop(stages):
            return float(max(stage.per_second for stage in stages))
        case ClosedLoop(stages, think_time):
            return max(stage.users for stage in stages) / _turn_seconds(scenario, think_time.mean_seconds if think_time else 0)


def tokens_per_hour(scenario: Scenario) -> float:
    """Of input and output, roughly: prompts other than synthetic ones are taken for short, answers for as long as they may be."""
    prompt = scenario.prompt.input_tokens if isinstance(scenario.prompt, Synthetic) and scenario.conversation is None else 0
    return _chats_per_second(scenario) * 3600 * (scenario.max_tokens + prompt)


def _chats_per_second(scenario: Scenario) -> float:
    match scenario.load:
        case Every(seconds):
            return 1 / seconds
        case OpenLoop(stages):
            return _on_the_whole(stages, [float(stage.per_second) for stage in stages])
        case ClosedLoop(stages, think_time):
            users = _on_the_whole(stages, [stage.users for stage in stages])
            return users / _turn_seconds(scenario, think_time.mean_seconds if think_time else 0)


def _turn_seconds(scenario: Scenario, think_seconds: float) -> float:
    """From the beginning of a user's chat to that of the next."""
    return scenario.max_tokens / TOKENS_PER_SECOND + think_seconds


def _on_the_whole(stages: Sequence[RateStage | UserStage], amounts: Sequence[float]) -> float:
    """The mean over stages that follow each other again and again, or the amount of the last one, which holds for good."""
    lengths = [stage.seconds for stage in stages if stage.seconds is not None]
    if len(lengths) < len(stages):
        return amounts[-1]
    return sum(amount * length for amount, length in zip(amounts, lengths, strict=True)) / sum(lengths)
