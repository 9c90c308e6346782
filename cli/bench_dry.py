"""What a run would send, how long it would take, and in which order: said in lines, and nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bench.courses.search import Search
from bench.design import Asked, Turn, asked_of, limits_for, seconds_of_level, warm_up
from bench.session import Layout
from config.durations import write_duration
from config.load import ClosedLoop, Load, Trace
from config.model import Limits
from config.scenario import Scenario
from probes import backends
from probes.ask import UNKNOWN_MODEL
from probes.prompts import Named, Synthetic
from probes.wording import counted, listed
from traffic.roster import Member


def dry_run(layout: Layout, members: Mapping[str, Member], unasked: Collection[str]) -> Iterator[str]:
    """The lines, one thing each. `unasked` are targets of which nobody has said which engine they are."""
    yield from _targets(layout, members, unasked)
    scenario = layout.scenario
    how = f"answers of up to {scenario.max_tokens} tokens, cache {scenario.cache}, seed {scenario.seed}"
    yield f"Scenario {layout.name}: {_said_in(scenario)}, {how}."
    yield from layout.notes
    yield from _order(layout)
    yield from _asked(layout)
    yield from limits_in_words(layout)


def _said_in(scenario: Scenario) -> str:
    if scenario.conversation is not None:
        return f"the conversation {scenario.conversation}"
    match scenario.prompt:
        case Named(name):
            return f"prompts of {name}"
        case Synthetic(tokens):
            return f"prompts of about {tokens} tokens"
        case _:
            return "one prompt of its own"


def _targets(layout: Layout, members: Mapping[str, Member], unasked: Collection[str]) -> Iterator[str]:
    for name, member in members.items():
        endpoint = member.endpoint
        engine = backends.get(endpoint.backend).title if name not in unasked else "an engine that is asked what it is when the run begins"
        model = "the model that it has" if endpoint.configured_model == UNKNOWN_MODEL else endpoint.configured_model
        yield f"{name}: {engine}, at {endpoint.url}, {model}"
    if len(members) < 2:
        return
    if layout.design.hardware == "own":
        yield "Each has its own hardware: all are measured at the same instants. With --hardware shared they are measured one after another."
    elif layout.seen:
        yield f"{listed(layout.seen)} have one host, so they are taken to share hardware, and measured one after another; or say --hardware own."
    else:
        yield "They share hardware: they are measured one after another."


def _order(layout: Layout) -> Iterator[str]:
    design = layout.design
    level = layout.levels[0] if layout.levels else None
    if level is None:
        most = f", {layout.course.bounds.probes} at most with each target" if isinstance(layout.course, Search) else ""
        ends = "" if design.ends_after_seconds is None else f", and none begins after {_seconds(design.ends_after_seconds)}"
        yield f"Levels follow from what is measured{most}{ends}. Blocks are of {_seconds(design.block_seconds)}."
        return
    for one in layout.levels:
        seconds = design.seconds_of(one)
        rounds, blocks = design.rounds_of(one), design.parts(one, 1)
        warming = _seconds(warm_up(seconds, design.warm_up_seconds))
        yield (
            f"{one.name}: {counted(rounds, 'round')} of {counted(len(blocks), 'block')} of {_seconds(seconds)}, "
            f"of which {warming} are warm-up and count for nothing."
        )
    shown = range(1, min(design.rounds_of(level), 3) + 1)
    orders = [" ".join(_named(part) for part in design.parts(level, number)) for number in shown]
    yield f"Order of blocks by round: {'; '.join(orders)}{'; …' if design.rounds_of(level) > len(orders) else ''}"
    yield f"After a block, chats have {_seconds(design.grace_seconds)} to end; then they are cut off."


def _named(part: Turn) -> str:
    return "+".join(part.targets)


def _asked(layout: Layout) -> Iterator[str]:
    design, scenario = layout.design, layout.scenario
    for level in layout.levels:
        each = {target: asked_of(target, level, design, scenario) for target in design.targets}
        for target, asked in each.items():
            yield f"{level.name}, {target}: {_in_words(asked)}"
    whole = [asked_of(target, level, design, scenario) for level in layout.levels for target in design.targets]
    if whole:
        seconds = sum(seconds_of_level(level, design, scenario) for level in layout.levels)
        yield f"In all {_in_words(_sum(whole))}, in about {_seconds(seconds)}. Before that, one chat with each target shows whether it can be had."
        if any(_waits(load) for level in layout.levels for load in level.loads.values()):
            yield "Users chat as often as the engines let them: this takes 50 tokens a second for granted."


def limits_in_words(layout: Layout) -> Iterator[str]:
    """What of the configuration's limits does not hold for the run."""
    configured = layout.limits
    raised = [limits_for(configured, layout.scenario, level.loads) for level in layout.levels]
    for key in ("streams", "streams_per_target"):
        needed = max((getattr(limits, key) for limits in raised), default=0)
        if needed > getattr(configured, key):
            yield f"limits.{key} is {getattr(configured, key)}; for this run it is {needed}, so that its load fits."
    yield from _lifted(configured)


def _lifted(configured: Limits) -> Iterator[str]:
    if configured.tokens_per_hour is not None:
        yield f"limits.tokens_per_hour ({configured.tokens_per_hour}) does not hold for a run, whose length bounds it."


def _waits(load: Load | Trace) -> bool:
    return isinstance(load, ClosedLoop)


def _sum(asked: list[Asked]) -> Asked:
    return Asked(sum(one.chats for one in asked), sum(one.input_tokens for one in asked), sum(one.output_tokens for one in asked))


def _in_words(asked: Asked) -> str:
    return f"about {_about(asked.chats)} chats, {_about(asked.input_tokens)} tokens of input and up to {_about(asked.output_tokens)} of output"


def _about(count: float) -> str:
    """A number to two digits."""
    return f"{float(f'{count:.1e}'):,.0f}"


def _seconds(seconds: float) -> str:
    return write_duration(round(seconds, 1) if seconds < 60 else float(round(seconds)))
