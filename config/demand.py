"""How much a scenario asks of one target, at worst and on the whole: figures for advice, not for schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from statistics import fmean

from config.load import Between, ClosedLoop, Every, Exponential, Fixed, Load, OpenLoop, RateStage, ThinkTime, UserStage
from config.scenario import Scenario
from probes.prompts import Named, Synthetic, Text, sets

TOKENS_PER_SECOND = 50
"""About how fast an engine answers, where the length of a chat is guessed."""

CHARACTERS_PER_TOKEN = 4
"""What most tokenizers make of English text, more or less."""

_HOUR_SECONDS = 3600.0
_TIMES_MEAN = 3
"""How many times its mean a random time is taken for at most."""


def streams_at_worst(scenario: Scenario, other: Load | None = None) -> float:
    """Chats at once with a target that hangs, so that each chat lasts until its timeout. `other` is a load in place of the scenario's own."""
    match other or scenario.load:
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


def chats_per_second_on_average(scenario: Scenario, other: Load | None = None) -> float:
    """How often chats begin with a target over all stages; of a last stage that holds for good, in it alone. Calendars are left out of account.

    `other` is a load in place of the scenario's own.
    """
    match other or scenario.load:
        case Every(seconds):
            return 1 / seconds
        case OpenLoop(stages):
            return _on_average(stages, [float(stage.per_second) for stage in stages])
        case ClosedLoop(stages, think_time):
            return _on_average(stages, [stage.users for stage in stages]) / _turn_seconds(scenario, think_time.mean_seconds if think_time else 0)


def longest_interval_seconds(scenario: Scenario) -> float:
    """The longest usual time between the beginnings of two chats with a target, pauses between stages included; infinite if chats end for good.

    Times without memory have no longest: three times their mean is taken, which one in twenty exceeds.
    """
    match scenario.load:
        case Every(seconds):
            return seconds
        case OpenLoop(stages, arrivals):
            spread = _TIMES_MEAN if arrivals == "poisson" else 1
            return _longest_interval(stages, [spread / float(stage.per_second) if stage.per_second else None for stage in stages])
        case ClosedLoop(stages, think_time):
            turn = _turn_seconds(scenario, _longest_think_seconds(think_time))
            return _longest_interval(stages, [turn / stage.users if stage.users else None for stage in stages])


def tokens_per_hour(scenario: Scenario, answer_tokens: int) -> float:
    """Of input and output with one target, roughly, in the busiest hour: answers are taken for as long as they may be with it."""
    return _chats_in_busiest_hour(scenario) * (fmean(_input_tokens(scenario, answer_tokens)) + answer_tokens)


def tokens_of_usual_chat(scenario: Scenario, answer_tokens: int) -> tuple[float, int]:
    """Of input, on average and roughly, and of output, which are taken for as many as there may be."""
    return fmean(_input_tokens(scenario, answer_tokens)), answer_tokens


def tokens_of_largest_chat(scenario: Scenario, answer_tokens: int) -> float:
    """Of input and output with one target, roughly. `answer_tokens` are as many as its answers may have."""
    return max(_input_tokens(scenario, answer_tokens)) + answer_tokens


def _input_tokens(scenario: Scenario, answer_tokens: int) -> list[float]:
    """Of each prompt, or of each turn of the conversation with all that was said before it."""
    if scenario.conversation is not None:
        said = accumulate(map(_tokens_of, sets.load(scenario.conversation).conversation))
        return [tokens + turn * answer_tokens for turn, tokens in enumerate(said)]
    match scenario.prompt:
        case Synthetic(tokens):
            return [tokens]
        case Text(text):
            return [_tokens_of(text)]
        case Named(name):
            return [_tokens_of(text) for text in sets.load(name).prompts]


def _tokens_of(text: str) -> float:
    return len(text) / CHARACTERS_PER_TOKEN


def _chats_in_busiest_hour(scenario: Scenario) -> float:
    match scenario.load:
        case Every(seconds):
            return _HOUR_SECONDS / seconds
        case OpenLoop(stages):
            return _in_busiest_hour(stages, [float(stage.per_second) for stage in stages])
        case ClosedLoop(stages, think_time):
            user_seconds = _in_busiest_hour(stages, [stage.users for stage in stages])
            return user_seconds / _turn_seconds(scenario, think_time.mean_seconds if think_time else 0)


def chat_seconds(scenario: Scenario) -> float:
    """How long a chat takes, where its length is guessed."""
    return scenario.max_tokens / TOKENS_PER_SECOND


def _turn_seconds(scenario: Scenario, think_seconds: float) -> float:
    """From the beginning of a user's chat to that of the next."""
    return chat_seconds(scenario) + think_seconds


def _longest_think_seconds(think_time: ThinkTime | None) -> float:
    match think_time:
        case None:
            return 0
        case Between(_, longest):
            return longest
        case Exponential(mean):
            return _TIMES_MEAN * mean
        case Fixed(seconds):
            return seconds


def _on_average(stages: Sequence[RateStage | UserStage], amounts: Sequence[float]) -> float:
    if stages[-1].seconds is None:
        return amounts[-1]
    lengths = [stage.seconds or 0 for stage in stages]
    return sum(length * amount for length, amount in zip(lengths, amounts, strict=True)) / sum(lengths)


def _longest_interval(stages: Sequence[RateStage | UserStage], intervals: Sequence[float | None]) -> float:
    """Of stages with so many seconds from chat to chat, None in a pause; a pause lengthens the interval that it falls into."""
    if stages[-1].seconds is None:
        return intervals[-1] if intervals[-1] is not None else inf
    longest = pause = 0.0
    for stage, interval in zip((*stages, *stages), (*intervals, *intervals), strict=True):  # twice, as the first follows the last
        if interval is None:
            pause += stage.seconds or 0
        else:
            longest, pause = max(longest, interval + pause), 0.0
    return longest


def _in_busiest_hour(stages: Sequence[RateStage | UserStage], per_second: Sequence[float]) -> float:
    """The most that comes together in an hour of stages that follow each other again and again, or of which the last one holds for good.

    There is a busiest hour that begins, or ends, where a stage does. Whole passes that fit into it are all the same.
    """
    lengths = [_HOUR_SECONDS if stage.seconds is None else stage.seconds for stage in stages]
    amounts = [length * amount for length, amount in zip(lengths, per_second, strict=True)]
    passes, rest = 0.0, _HOUR_SECONDS
    if stages[-1].seconds is not None:
        passes, rest = divmod(_HOUR_SECONDS, sum(lengths))
        lengths, amounts = lengths * 2, amounts * 2
    ends, totals = [0.0, *accumulate(lengths)], [0.0, *accumulate(amounts)]

    def until(seconds: float) -> float:
        stage = min(bisect_right(ends, seconds), len(lengths)) - 1
        return totals[stage] + (seconds - ends[stage]) / lengths[stage] * amounts[stage]

    begins = [begin for end in ends for begin in (end, end - rest) if 0 <= begin <= ends[-1] - rest]
    return passes * totals[len(stages)] + max(until(begin + rest) - until(begin) for begin in begins)
