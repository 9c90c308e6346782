"""Who races: the engines that were named, or simulated ones where none was; and the options that say so."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.chosen import fits, patterns_in, roster_of, unmatched
from cli.configuration import config_option, exits_on_error
from cli.given import Given, target_option
from cli.paths import ANY_FILE

if TYPE_CHECKING:
    from bench.race.holding import Race
    from config.model import Config
    from config.scenario import Scenario
    from probes.ask import Endpoint
    from traffic.events import Sink

Command = TypeVar("Command", bound=Callable[..., object])

SIMULATED = "SIMULATED ENGINES: no model answers here. Real ones: --target NAME=URL"
"""Stands above whatever they say."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What was asked of a command that lets engines answer side by side."""

    targets: tuple[Given, ...]
    configs: tuple[Path, ...]
    chosen: str | None
    max_tokens: int
    cache: str
    thinking: bool
    records: Path | None
    text: bool


def contest_options(command: Command) -> Command:
    """The options that make a `Contest`, under the names of its fields."""
    for option in reversed(
        (
            target_option,
            config_option,
            click.option("--targets", "chosen", metavar="NAME,...", help="Of the configured targets only these; patterns too."),
            click.option("--max-tokens", type=click.IntRange(1, 100_000), default=128, show_default=True, metavar="N", help="Longest answer."),
            click.option(
                "--cache",
                type=click.Choice(["cold", "warm"]),
                default="cold",
                show_default=True,
                help="cold: each chat is new to the engine's prefix cache; of a conversation only its later turns are not.",
            ),
            click.option("--thinking", is_flag=True, help="Let reasoning models think first."),
            click.option(
                "--records",
                type=ANY_FILE,
                metavar="FILE",
                help="Append a record of each answer to it.",
            ),
            click.option("--text", is_flag=True, help="Have the answers' text in these records, so that it can be replayed."),
        )
    ):
        command = option(command)
    return command


def contest_of(options: Mapping[str, Any]) -> Contest:
    """The contest that the options ask for. Raises `click.UsageError` for options that have nothing to work on."""
    contest = Contest(**options)
    if contest.text and contest.records is None:
        raise click.UsageError("--text is for --records: give a file for them")
    if contest.chosen is not None and not contest.configs:
        raise click.UsageError("--targets chooses among those of a configuration: give --config FILE")
    return contest


def run_contest(main: Coroutine[object, object, int]) -> int:
    """Run to the end, and give the exit code. Raises `click.ClickException`."""
    from cli.fleet import FleetError
    from config.secrets import SecretError
    from exporter.logs import start_logging
    from exporter.loop import run

    lines = start_logging("error")
    try:
        return run(main)
    except (FleetError, SecretError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        lines.close()


@dataclass(frozen=True, slots=True)
class Stage:
    """Engines that are ready to be asked. `stop` is set by Ctrl-C, which breaks off what is under way."""

    race: Race
    backends: Mapping[str, str]
    note: str
    stop: asyncio.Event


@asynccontextmanager
async def staged(contest: Contest, name: str, tell: Sink) -> AsyncIterator[Stage]:
    """The engines of a contest, with their models known. Raises `click.ClickException` where there are none."""
    from bench.race.holding import Race
    from bench.race.recorded import SIMULATED as SIMULATED_NAME
    from exporter.records import record_file
    from probes.control import Control
    from probes.probing import Prober
    from traffic.events import to_all

    config = await asyncio.to_thread(_configured, contest)
    async with AsyncExitStack() as stack:
        config = config or await _simulated(stack)
        sinks = [tell]
        if contest.records is not None:
            try:
                sinks.append(stack.enter_context(record_file(contest.records, text=contest.text)))
            except OSError as error:
                raise click.ClickException(f"{contest.records} cannot be written: {error.strerror}; give another file with --records") from error
        control, prober = await stack.enter_async_context(Control()), await stack.enter_async_context(Prober())
        endpoints = await _endpoints(config, contest, control)
        simulated = not (contest.targets or contest.configs)
        race = Race(f"{SIMULATED_NAME}{name}" if simulated else name, _scenario(contest), endpoints, config.limits, prober, control, to_all(sinks))
        stack.push_async_callback(race.close)
        stop = _stopped_by_signals(race)
        for trouble in await race.ready():
            click.echo(trouble, err=True)
        yield Stage(race, {target: endpoint.backend for target, endpoint in endpoints.items()}, SIMULATED if simulated else "", stop)


def _configured(contest: Contest) -> Config | None:
    """The configuration of the given targets and files; None where there are neither. Raises `click.ClickException`."""
    from cli.given import targets_block
    from config.reader import Text, read

    if not (contest.targets or contest.configs):
        return None
    above = [Text("--target", asyncio.run(targets_block(contest.targets)))] if contest.targets else []
    with exits_on_error():
        return read(contest.configs, below=[Text("race", _SCENARIOS)], above=above).config


_SCENARIOS = "scenarios: {race: {users: 1}}\n"


async def _simulated(stack: AsyncExitStack) -> Config:
    from cli.fleet import fleet
    from config.reader import parse

    if sys.stderr.isatty():
        click.echo("Three simulated engines start …", err=True)
    urls = await stack.enter_async_context(fleet("watched"))
    return parse(_SCENARIOS + "targets:\n" + "".join(f"  {name}: {{backend: {name}, url: '{url}'}}\n" for name, url in urls.items())).config


async def _endpoints(config: Config, contest: Contest, control: Any) -> Mapping[str, Endpoint]:
    """Those of the configuration, and those that discovery finds. Raises `click.ClickException` where there are none, or too many."""
    from config.references import MOST_PAIRED

    found = (await roster_of(config, control)).endpoints
    patterns = patterns_in(contest.chosen)
    if missing := unmatched(patterns, found):
        there = f"there are {', '.join(found)}" if found else "there is none; give --target NAME=URL"
        raise click.ClickException(f"{', '.join(missing)} is no target; {there}" if contest.chosen else f"there is no target; {there}")
    chosen = {name: endpoint for name, endpoint in found.items() if fits(name, patterns)}
    if len(chosen) > MOST_PAIRED:
        raise click.ClickException(f"{len(chosen)} targets are too many to be asked at one instant; choose {MOST_PAIRED} at most with --targets")
    return chosen


def _scenario(contest: Contest) -> Scenario:
    from config.scenario import Scenario

    return Scenario.model_validate({"users": 1, "max_tokens": contest.max_tokens, "cache": contest.cache, "thinking": contest.thinking})


def _stopped_by_signals(race: Race) -> asyncio.Event:
    stop = asyncio.Event()

    def interrupt() -> None:
        stop.set()
        race.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    return stop
