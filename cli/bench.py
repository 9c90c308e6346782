"""`chatprobe bench`: bounded runs of the same load against several engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.bench_wanted import BenchError, Rates, Users, Wanted
from cli.configuration import config_option
from cli.elsewhere import Elsewhere
from cli.given import target_option
from cli.paths import ANY_FOLDER
from cli.probe_options import Duration

PRESETS = {
    "quick": "About 5 minutes: how soon the engines answer a handful of people.",
    "standard": "About 30 minutes: one person alone, a few, and a roomful, each in conversation.",
    "stress": "Over an hour: fifty people at once and more, and long answers.",
}
ELSEWHERE = {"compare": "cli.bench_compare"}
"""Commands of the group that are in files of their own."""
CODES = """Exit codes: 0 the run is done; 1 it is, and less than --objective of the chats were good; 2 that could not be decided, or there could be no
run; 130 it was interrupted, and what was measured is kept."""

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group("bench", cls=Elsewhere, elsewhere=ELSEWHERE)
def command() -> None:
    """Run the same load against several engines for a bounded time, and say who is better at what, by how much, and how sure that is.

    The engines are those of a configuration (--config, or where serve looks for one), those that discovery finds, and those of --target.
    """


_OPTIONS = (
    target_option,
    click.option("--targets", "chosen", metavar="NAME,…", help="Only these of the targets; * stands for any part of a name."),
    click.option("--users", type=Users(), metavar="N,…", help="So many users with each target at once; several are measured one after another."),
    click.option("--rate", "rates", type=Rates(), metavar="N/s,…", help="Chats with each target that begin at this rate, in place of users."),
    click.option("--duration", type=Duration(), help="How long the whole run takes."),
    click.option("--rounds", type=click.IntRange(1, 1000), metavar="N", help="How often each load is measured, with all targets each time."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="The same seed, the same chats at the same instants."),
    click.option("--hardware", type=click.Choice(["own", "shared"]), help="Whether the targets share theirs; left out: where they have one host."),
    click.option("--fact", "facts", multiple=True, metavar="[TARGET:]F=TEXT", help="What an engine does not tell: vllm:hardware=H100; repeatable."),
    click.option("--slo", metavar="NAME", help="What a good chat keeps to: a preset like interactive, or one of the configuration's slos."),
    click.option("--objective", metavar="PERCENT", help="With --slo: the run fails where fewer chats were good, with any target at any load."),
    click.option("--until", multiple=True, metavar="M.Q:PERCENT", help="End early once this is known, like ttft.p95:5%; repeatable."),
    click.option("--progress/--no-progress", default=True, help="Whether the run is shown live on a terminal; else a line tells of each block."),
    click.option("--name", metavar="NAME", help="What the results are called; left out: as the command or the file."),
    click.option(
        "--output-dir",
        type=ANY_FOLDER,
        default="results",
        envvar="CHATPROBE_RESULTS",
        show_default=True,
        help="Folder of results; each run has one of its own in it.",
    ),
    click.option("--dry-run", is_flag=True, help="Say what would be sent, how long it takes and in which order, and send nothing."),
)


def _with_options(function: Function) -> Function:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _run(preset: str | None, configs: tuple[Path, ...], name: str, options: dict[str, Any]) -> None:
    from probes.extras import missing

    if (lacking := missing("bench")) is not None:
        raise BenchError(f"it needs {lacking}")
    from cli.bench_run import bench

    given_name = options.pop("name")
    run_name = _run_name(name if given_name is None else given_name)
    raise click.exceptions.Exit(bench(Wanted(preset=preset, configs=configs, name=run_name, **options)))


def _run_name(written: str) -> str:
    """Raises `click.BadParameter` before anything is asked of an engine."""
    from bench.results.names import read_run_name

    try:
        return read_run_name(written)
    except ValueError as error:
        raise click.BadParameter(f"{written!r} {error}", param_hint="--name") from None


def _preset(name: str, about: str) -> click.Command:
    @click.command(name, help=f"{about}\n\nA configuration is laid over the preset: what it says under bench, and its targets.", epilog=CODES)
    @config_option
    @_with_options
    def preset(configs: tuple[Path, ...], **options: Any) -> None:
        _run(name, configs, name, options)

    return preset


for _name, _about in PRESETS.items():
    command.add_command(_preset(_name, _about))


@command.command("custom", epilog=CODES)
@config_option
@_with_options
def _custom(configs: tuple[Path, ...], **options: Any) -> None:
    """What a configuration says under bench, without a preset below it."""
    _run(None, configs, "custom", options)


@command.command("run", epilog=CODES)
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@config_option
@_with_options
def _file(file: Path, configs: tuple[Path, ...], **options: Any) -> None:
    """What FILE says under bench. It is a configuration; those of --config are laid over it."""
    _run(None, (file, *configs), file.stem, options)
