"""How a run is laid out: rounds, blocks and their order, how long each takes, and what all of it will ask of the engines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.level import Block, Level
from config.bench import Bench
from config.demand import chat_seconds, chats_per_second_on_average, streams_at_worst, tokens_of_usual_chat
from config.durations import write_duration
from config.load import ClosedLoop, Load, Trace
from config.model import Limits
from config.scenario import Scenario
from probes.wording import counted
from traffic.schedule import share

Hardware = Literal["own", "shared"]

DURATION_SECONDS = 300.0
"""How long a run takes where nothing is said."""
OPEN_ENDED_BLOCK_SECONDS = 30.0
"""The length of a block where nothing is said, and nobody knows how many levels there will be."""
SHORTEST_BLOCK_SECONDS = 5.0
WARM_UP_SHARE = 0.15
WARM_UP_SECONDS = (2.0, 30.0)
"""The shortest and the longest warm-up that follows from the rule."""
LAST_CHAT_SECONDS = 0.5
"""How long a block goes on after the last chat of a trace was due, so that this begins too."""
MOST_STREAMS = 10_000
"""Chats at once with one target, however many a hanging one could hold: each is a connection, and a process may have only so many."""


class DesignError(Exception):
    """A run that cannot be laid out as it was asked for. The text has the form "what is wrong; what would be right"."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The targets of one block. `half` is 0 in the first pass through the targets and 1 in the second.

    What is left to chance is the same for all targets in the same half of the same round.
    """

    targets: tuple[str, ...]
    half: int


@dataclass(frozen=True, slots=True)
class Design:
    """The layout of a run. `ends_after_seconds` is when no further level begins, None where the levels themselves bound the run."""

    targets: tuple[str, ...]
    hardware: Hardware
    rounds: int
    block_seconds: float
    warm_up_seconds: float | None
    grace_seconds: float
    pause_seconds: float
    ends_after_seconds: float | None = None

    def rounds_of(self, level: Level) -> int:
        return self.rounds if level.rounds is None else level.rounds

    def seconds_of(self, level: Level) -> float:
        """How long chats begin in each of its blocks: as the level says, else as long as its trace, else as in all blocks."""
        if level.seconds is not None:
            return level.seconds
        traces = [load.seconds for load in level.loads.values() if isinstance(load, Trace)]
        return max(traces) + LAST_CHAT_SECONDS if traces else self.block_seconds

    def parts(self, level: Level, number: int) -> tuple[Turn, ...]:
        """The blocks of the round of this number, in order.

        Where hardware is shared, targets are measured one after another, and then again in the opposite order, so that
        an engine's place in the round favours none of them where the machine becomes faster or slower all the time. From
        round to round another target begins; where all are measured at once, another one's chats are sent first, in case
        they share something after all.
        """
        targets = tuple(target for target in self.targets if target in level.loads)
        if not targets:
            return ()
        first = (number - 1) % len(targets)
        there = (*targets[first:], *targets[:first])
        if self.hardware == "own" or len(targets) < 2:
            return (Turn(there, 0),)
        return (*(Turn((target,), 0) for target in there), *(Turn((target,), 1) for target in reversed(there)))

    def block(self, level: Level, part: Turn, *, number: int, round: int) -> Block:
        """The block in which this part of a round is measured; `number` counts through the run."""
        seconds = self.seconds_of(level)
        return Block(number, level.name, round, part.targets, warm_up(seconds, self.warm_up_seconds), seconds)


def warm_up(block_seconds: float, stated_seconds: float | None) -> float:
    """How long chats of a block count for nothing: as stated, else 15 % of the block, but 2 s at least and 30 s at most.

    Never more than half of the block.
    """
    shortest, longest = WARM_UP_SECONDS
    wanted = min(max(WARM_UP_SHARE * block_seconds, shortest), longest) if stated_seconds is None else stated_seconds
    return min(wanted, block_seconds / 2)


def seed_of(seed: int, round_of_run: int, half: int) -> int:
    """What the chance of a round's half follows from: the same for all targets, another one in each round of the run."""
    return share("bench", seed, round_of_run, half) % 2**31


def designed(bench: Bench, scenario: Scenario, targets: Sequence[str], hardware: Hardware, levels: int | None) -> Design:
    """The layout of a run with so many levels, None where nobody knows how many. Raises `DesignError`."""
    design = Design(
        tuple(targets),
        hardware,
        bench.rounds,
        bench.block_seconds or OPEN_ENDED_BLOCK_SECONDS,
        bench.warm_up_seconds,
        bench.grace_seconds,
        bench.pause_seconds,
        bench.duration_seconds,
    )
    if bench.block_seconds is None and levels is not None:
        design = replace(design, block_seconds=_block_seconds(bench, scenario, design, levels), ends_after_seconds=None)
    if bench.warm_up_seconds is not None and bench.warm_up_seconds >= design.block_seconds:
        raise DesignError(
            f"a warm-up of {write_duration(bench.warm_up_seconds)} leaves nothing of blocks of {design.block_seconds:.1f} s; "
            "write a shorter bench.warm_up, or a longer duration"
        )
    return design


def _block_seconds(bench: Bench, scenario: Scenario, design: Design, levels: int) -> float:
    """What the duration of the run leaves for each block."""
    whole = bench.duration_seconds or DURATION_SECONDS
    blocks = levels * bench.rounds * _blocks_a_round(design)
    seconds = whole / blocks - bench.pause_seconds - _tail_seconds(design, scenario)
    if seconds < SHORTEST_BLOCK_SECONDS:
        least = math.ceil(blocks * (whole / blocks - seconds + SHORTEST_BLOCK_SECONDS))
        sharing = " that share hardware" if design.hardware == "shared" else ""
        raise DesignError(
            f"{write_duration(whole)} are too short for {counted(levels, 'level')} in {counted(bench.rounds, 'round')} "
            f"with {counted(len(design.targets), 'target')}{sharing}: that is {blocks} blocks; "
            f"write a duration of {write_duration(float(least))} or more, or fewer rounds or levels"
        )
    return seconds


def _blocks_a_round(design: Design) -> int:
    return 1 if design.hardware == "own" or len(design.targets) < 2 else 2 * len(design.targets)


def _tail_seconds(design: Design, scenario: Scenario) -> float:
    """How long the last chats of a block take to end, roughly."""
    return min(design.grace_seconds, chat_seconds(scenario))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asks of one target, roughly: chats, and their tokens. Answers are taken for as long as they may be."""

    chats: float
    input_tokens: float
    output_tokens: float


def asked_of(target: str, level: Level, design: Design, scenario: Scenario) -> Asked:
    """What one level asks of one target in all its rounds; of users, at 50 tokens a second and as long as the engine keeps up."""
    load = level.loads.get(target)
    blocks = sum(target in part.targets for part in design.parts(level, 1)) * design.rounds_of(level)
    seconds = design.seconds_of(level)
    if load is None:
        return Asked(0, 0, 0)
    if isinstance(load, Trace):
        due = [arrival for arrival in load.arrivals if arrival.at_seconds / load.speed < seconds]
        inputs, outputs = sum(arrival.input_tokens for arrival in due), sum(arrival.output_tokens for arrival in due)
        return Asked(blocks * len(due), blocks * inputs, blocks * outputs)
    chats = blocks * seconds * chats_per_second_on_average(scenario, load)
    inputs_each, outputs_each = tokens_of_usual_chat(scenario, scenario.max_tokens)
    return Asked(chats, chats * inputs_each, chats * outputs_each)


def seconds_of_level(level: Level, design: Design, scenario: Scenario) -> float:
    """How long a level takes in all, roughly."""
    blocks = len(design.parts(level, 1)) * design.rounds_of(level)
    return blocks * (design.seconds_of(level) + design.pause_seconds + _tail_seconds(design, scenario))


def limits_for(limits: Limits, scenario: Scenario, loads: Mapping[str, Load | Trace]) -> Limits:
    """The limits of a configuration, raised so that this load of each target fits. Bounds on tokens are lifted: the run's own design bounds it."""
    worst = [_streams(scenario, load) for load in loads.values()]
    each = max([limits.streams_per_target, *worst])
    return limits.model_copy(
        update={"streams": max(limits.streams, sum(worst)), "streams_per_target": each, "tokens_per_hour": None, "load_share": None}
    )


def _streams(scenario: Scenario, load: Load | Trace) -> int:
    if isinstance(load, Trace):
        return min(len(load.arrivals), MOST_STREAMS)
    if isinstance(load, ClosedLoop):
        return math.ceil(streams_at_worst(scenario, load))
    return min(math.ceil(streams_at_worst(scenario, load)), MOST_STREAMS)
