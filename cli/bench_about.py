"""What a run's results say of it before its first chat, and what people are told then."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from bench.engine_side.gpus import GpuPage
from bench.events import Event, Listener
from bench.results.manifest import About
from bench.session import Before
from cli.bench_wanted import Wanted
from cli.chosen import fits
from config.effective import effective
from config.model import Config
from traffic.roster import Member


def about_run(wanted: Wanted, config: Config, members: Mapping[str, Member], earlier: Before) -> About:
    """What is known of the run. Nothing of it is a secret."""
    scenario = config.scenarios[config.benched]
    slo = config.bench.kept_to
    return About(
        name=wanted.name,
        command=("chatprobe", *sys.argv[1:]),
        preset=wanted.preset,
        configuration=effective(config),
        seed=scenario.seed,
        targets=tuple(members),
        models={one.target: one.model for one in earlier.looked},
        engines={one.target: one.to_json() for one in earlier.looked},
        slos={} if slo is None else {slo.name: slo.thresholds},
        facts={name: said for name in members if (said := config.bench.facts_of(name))},
        caveats=earlier.caveats,
    )


def seen_in_words(earlier: Before) -> Iterator[str]:
    """The engines, a line each, and what makes a comparison of them unfair."""
    for one in earlier.looked:
        context = "" if one.context_tokens is None else f", up to {one.context_tokens} tokens"
        yield f"{one.target}: {one.title} at {one.url}, {one.model}{context}"
    for caveat in earlier.caveats:
        yield f"unfair: {caveat.words}"


def slo_in_words(config: Config) -> Iterator[str]:
    """What a good chat keeps to, and who says so."""
    if (slo := config.bench.kept_to) is not None:
        yield f"A good chat keeps to {slo.told}."


def gpu_pages(config: Config, members: Mapping[str, Member]) -> Iterator[GpuPage]:
    """Where the GPUs of these targets are watched."""
    for written in config.bench.gpus:
        targets = [name for name in members if written.targets is None or fits(name, written.targets)]
        if targets:
            yield GpuPage(written.url, tuple(targets), frozenset(map(str, written.gpus)))


def to_listeners(*listeners: Listener) -> Listener:
    """A listener that passes each event on to all of these, in order."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
