"""Holds the run that `chatprobe bench` was asked for, and says how it went."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from rich.console import Console

from bench.courses.evidence import Goal
from bench.courses.outcome import outcomes
from bench.courses.traces import TraceError
from bench.design import DesignError, seconds_of_level
from bench.engine_side.side import EngineSide
from bench.objective import judged
from bench.own_health import watched
from bench.progress.board import Board
from bench.progress.showing import showing
from bench.results.listing import find_run
from bench.results.manifest import Manifest, State
from bench.results.problem import ResultsError
from bench.results.summarising import summarised
from bench.results.summary_files import SUMMARY
from bench.results.writing import Ending, RunWriter, begin
from bench.session import Before, CannotRunError, Instruments, Layout, Session, check_duration, instruments, lay_out
from bench.summary.writing import from_json
from bench.until import WellEnough, parse
from cli.bench_about import about_run, gpu_pages, seen_in_words, slo_in_words, to_listeners
from cli.bench_dry import dry_run, limits_in_words
from cli.bench_wanted import BenchError, Wanted, before_asking, configuration
from cli.chosen import fits, patterns_in, roster_of, unmatched
from cli.codes import INTERRUPTED
from cli.results_shown import show_run
from config.model import Config
from config.quantities import write_share
from config.secrets import SecretError
from exporter.logs import start_logging
from exporter.loop import run
from probes.control import Control
from probes.wire.workers import workers_for
from traffic.roster import Member

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bench(wanted: Wanted) -> int:
    """Hold the run, and give the exit code. Raises `click.ClickException`."""
    _check_before_asking(wanted)
    config = configuration(wanted)
    _check_duration(wanted, config)
    try:
        members = _chosen(asyncio.run(_members(config)), wanted, config)
        _check_facts(config, members)
        layout = lay_out(config, members)
    except (DesignError, SecretError, TraceError) as error:
        raise BenchError(str(error)) from error
    if wanted.dry_run:
        unasked = [name for name, member in members.items() if any(member.endpoint.url == given.url for given in wanted.targets)]
        for line in (*dry_run(layout, members, unasked), *slo_in_words(config)):
            click.echo(line)
        return 0
    for line in (*limits_in_words(layout), *slo_in_words(config)):
        click.echo(line, err=True)
    console = Console(stderr=True, highlight=False)
    lines = start_logging("error" if wanted.progress and console.is_terminal else "warning")
    try:
        return run(_hold(wanted, config, members, layout, console))
    except (CannotRunError, ResultsError) as error:
        raise BenchError(str(error)) from error
    except asyncio.CancelledError:
        return INTERRUPTED
    finally:
        lines.close()


def _check_before_asking(wanted: Wanted) -> None:
    """Raises `click.ClickException` where the run is too short whatever engines answer, so that none is asked for nothing."""
    if wanted.targets and not wanted.dry_run and (config := before_asking(wanted)) is not None:
        _check_duration(wanted, config)


def _check_duration(wanted: Wanted, config: Config) -> None:
    """Raises `click.ClickException` where the run is too short for the targets that are named."""
    scenario = config.scenarios[config.benched]
    covered = [name for name in config.targets if scenario.covers(name) and fits(name, patterns_in(wanted.chosen))]
    try:
        check_duration(config, covered or ["any"])
    except DesignError as error:
        raise BenchError(str(error)) from error


async def _members(config: Config) -> Mapping[str, Member]:
    async with Control() as control:
        return (await roster_of(config, control)).members


def _chosen(members: Mapping[str, Member], wanted: Wanted, config: Config) -> Mapping[str, Member]:
    """Those that the scenario is for, and that --targets names. Raises `BenchError` where there are none."""
    scenario = config.scenarios[config.benched]
    covered = {name: member for name, member in members.items() if scenario.covers(name)}
    if not covered:
        raise BenchError("there is no target; give --target NAME=URL, or a configuration with targets: --config FILE")
    patterns = patterns_in(wanted.chosen)
    if missing := unmatched(patterns, covered):
        raise click.BadParameter(f"{', '.join(missing)} is no target; there are {', '.join(covered)}", param_hint="--targets")
    return {name: member for name, member in covered.items() if fits(name, patterns)}


def _check_facts(config: Config, members: Mapping[str, Member]) -> None:
    """Raises `BenchError` for facts of targets that there are none of: they would be lost."""
    if missing := unmatched(config.bench.facts, members):
        raise BenchError(f"facts are said of {', '.join(missing)}, which is no target of this run; there are {', '.join(members)}")


async def _hold(wanted: Wanted, config: Config, members: Mapping[str, Member], layout: Layout, console: Console) -> int:
    async with instruments(workers_for(config.workers, layout.most_streams)) as measuring:
        session = Session(layout, members, measuring)
        with _interrupts(session):
            earlier = await session.look()
            for line in seen_in_words(earlier):
                click.echo(line, err=True)
            about = about_run(wanted, config, session.members, earlier)
            writer = begin(wanted.results, about, at=measuring.clock.epoch_seconds(), warn=lambda line: click.echo(line, err=True))
            try:
                ending = await _run(wanted, config, layout, session, earlier, measuring, writer, console)
            except BaseException:
                writer.finish(Ending(at=measuring.clock.epoch_seconds()))
                click.echo(f"stopped at once; what was measured is in {writer.folder}, without a summary", err=True)
                raise
        manifest = await asyncio.to_thread(writer.finish, ending)
    return _told(writer.folder, manifest, config)


async def _run(
    wanted: Wanted, config: Config, layout: Layout, session: Session, earlier: Before, measuring: Instruments, writer: RunWriter, console: Console
) -> Ending:
    """Hold the run, watched and shown, and give what is known at its end."""
    gpus = tuple(gpu_pages(config, session.members))
    side = EngineSide(session.members, measuring.scraper, measuring.clock, keep=writer.native, gpus=gpus)
    levels = [(level.name, seconds_of_level(level, layout.design, layout.scenario)) for level in layout.levels]
    board = Board(measuring.clock.epoch_seconds, levels, wanted.name)
    enough = WellEnough(tuple(parse(one) for one in wanted.until)) if wanted.until else None
    gc.collect()
    gc.freeze()  # what stands now stays: it is not looked through again while chats are held
    async with watched(measuring) as health, side, showing(board, console, live=None if wanted.progress else False) as shown:
        done = await session.hold(earlier, to_listeners(writer, side, shown), enough, side.caught_up)
    bench = config.bench
    goal = None if bench.slo is None else Goal(bench.slo) if bench.objective is None else Goal(bench.slo, float(bench.objective))
    return Ending(
        at=measuring.clock.epoch_seconds(),
        summarise=summarised,
        caveats=done.caveats,
        findings=tuple(finding.to_json() for finding in side.findings()),
        engine_side=tuple(inside.to_json() for inside in side.insides()),
        outcomes=tuple(outcome.to_json() for outcome in outcomes(layout.course, done.ended.measured, goal)),
        engines={one.target: one.to_json() for one in done.looked},
        health=health.to_json(),
    )


def _told(folder: Path, manifest: Manifest, config: Config) -> int:
    """Show the summary, and give the exit code."""
    try:
        show_run(find_run(folder.parent, folder.name))
    except ResultsError as error:
        click.echo(str(error), err=True)
        return BenchError.exit_code
    click.echo(f"\n{folder}: chatprobe results show {folder.name}; as a page for people: chatprobe results report {folder.name}", err=True)
    return _code(folder, manifest, config)


def _code(folder: Path, manifest: Manifest, config: Config) -> int:
    if manifest.state is State.INTERRUPTED:
        return INTERRUPTED
    if manifest.state is State.FAILED or manifest.problems:
        return BenchError.exit_code
    bench = config.bench
    if bench.slo is None or bench.objective is None or bench.sweep is not None:
        return 0  # a sweep is to go beyond what an engine can do
    summary = from_json(orjson.loads((folder / SUMMARY).read_bytes()))
    judgement = judged(summary, bench.slo.name, float(bench.objective))
    click.echo(f"objective {write_share(bench.objective)} of {bench.slo.name}: {judgement.verdict}", err=True)
    for line in judgement.why:
        click.echo(f"  {line}", err=True)
    return {"met": 0, "missed": 1, "undecided": BenchError.exit_code}[judgement.verdict]


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
