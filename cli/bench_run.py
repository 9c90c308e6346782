"""Holds the run that `chatprobe bench` was asked for, and says how it went."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase

import click

from bench.courses.traces import TraceError
from bench.design import DesignError
from bench.events import End
from bench.lines import Lines
from bench.session import CannotRunError, Layout, Session, lay_out, parts
from cli.bench_dry import dry_run, limits_in_words
from cli.bench_wanted import BenchError, Wanted, configuration
from config.model import Config
from config.secrets import SecretError
from discovery.kubernetes.once import seen_once
from discovery.plan import Plan, plan
from exporter.logs import start_logging
from exporter.serve import run
from probes.control import Control
from traffic.roster import Member

INTERRUPTED = 130
"""The exit code that shells give to a command ended by Ctrl-C."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bench(wanted: Wanted) -> int:
    """Hold the run, and give the exit code. Raises `click.ClickException`."""
    config = configuration(wanted)
    try:
        members = _chosen(_members(config), wanted, config)
        layout = lay_out(config, members)
    except (DesignError, SecretError, TraceError) as error:
        raise BenchError(str(error)) from error
    if wanted.dry_run:
        unasked = [name for name, member in members.items() if any(member.endpoint.url in given for given in wanted.targets)]
        for line in dry_run(layout, members, unasked):
            click.echo(line)
        return 0
    for line in limits_in_words(layout):
        click.echo(line, err=True)
    lines = start_logging("warning")
    try:
        return run(_hold(members, layout))
    except CannotRunError as error:
        raise BenchError(str(error)) from error
    except asyncio.CancelledError:
        return INTERRUPTED
    finally:
        lines.close()


def _members(config: Config) -> Mapping[str, Member]:
    """The targets of the configuration, and those that discovery finds."""
    made = asyncio.run(_looked_for(config))
    for problem in (*made.files.problems, *made.cluster.problems):
        click.echo(problem, err=True)
    return made.roster.members


async def _looked_for(config: Config) -> Plan:
    async with Control() as control:
        seen = await seen_once(config, control)
    return await asyncio.to_thread(plan, config, seen=seen)


def _chosen(members: Mapping[str, Member], wanted: Wanted, config: Config) -> Mapping[str, Member]:
    """Those that the scenario is for, and that --targets names. Raises `BenchError` where there are none."""
    scenario = config.scenarios[config.bench.scenario or next(iter(config.scenarios))]
    covered = {name: member for name, member in members.items() if scenario.covers(name)}
    if not covered:
        raise BenchError("there is no target; give --target NAME=URL, or a configuration with targets: --config FILE")
    if wanted.chosen is None:
        return covered
    patterns = [pattern.strip() for pattern in wanted.chosen.split(",")]
    unmatched = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in covered)]
    if unmatched:
        raise click.BadParameter(f"{', '.join(unmatched)} is no target; there are {', '.join(covered)}", param_hint="--targets")
    return {name: member for name, member in covered.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}


async def _hold(members: Mapping[str, Member], layout: Layout) -> int:
    async with parts() as measuring:
        session = Session(layout, members, Lines(lambda line: click.echo(line, err=True)), measuring)
        with _interrupts(session):
            earlier = await session.look()
            gc.collect()
            gc.freeze()  # what stands now stays: it is not looked through again while chats are held
            done = await session.hold(earlier)
    return {End.INTERRUPTED: INTERRUPTED, End.FAILED: BenchError.exit_code}.get(done.ended.end, 0)


@contextmanager
def _interrupts(session: Session) -> Iterator[None]:
    """A first Ctrl-C, or SIGTERM, ends the run and keeps what was measured; a second one stops at once, and a third kills."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def first() -> None:
        if session.stop():
            click.echo("interrupted: chats are cut off, what was measured is kept; once more stops at once", err=True)
            _on_signals(loop, second)
        else:
            second()

    def second() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        task.cancel()

    _on_signals(loop, first)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _on_signals(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    for number in SIGNALS:
        loop.add_signal_handler(number, act)
