"""`chatprobe check`: validate configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from probes.wording import counted

if TYPE_CHECKING:
    from config.model import Config
    from config.reader import Loaded


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, readable=False), metavar="[FILE]...")
@click.option("--overlay", is_flag=True, help="Lay the files over one another, later over earlier, as `serve --config A --config B` does.")
@click.option("--print", "show", is_flag=True, help="Print the configuration that is in force, with defaults, secrets hidden.")
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="The configuration that is running: say what a reload would change. Several are laid over one another.",
)
def command(files: tuple[Path, ...], overlay: bool, show: bool, against: tuple[Path, ...]) -> None:
    """Validate configuration files, each by itself; without one, that which `serve` would find. Files of discovered targets are recognised.

    Prints every error as FILE:LINE:COLUMN: PATH: what is wrong; what would be right, and exits with 1 if there is any.
    """
    from config.problems import ConfigError
    from config.reader import find, read

    errors: list[ConfigError] = []
    try:
        running = read(against) if against else None
        found = find(files)
    except ConfigError as error:
        found = ()
        errors.append(error)
    for together in [found] if overlay and found else [(file,) for file in found]:
        try:
            if files and not overlay and _holds_targets_alone(together[0]):
                _report_targets(together[0])
                continue
            loaded = read(together)
        except ConfigError as error:
            errors.append(error)
            continue
        _report(loaded, show)
        if running is not None:
            _compare(running, loaded, err=show)
    for failure in errors:
        click.echo(str(failure), err=True)
    if errors:
        raise click.exceptions.Exit(1)


def _holds_targets_alone(file: Path) -> bool:
    """Whether, by its form, it is no configuration but a file of targets for discovery: nothing but `targets`, or a list as for `file_sd`."""
    from config.places import bytes_of, read_yaml
    from config.problems import ConfigError

    try:
        source, _ = read_yaml(bytes_of(file).replace(b"\t", b" "), str(file))
    except ConfigError:
        return False
    match source.content:
        case dict() as sections:
            return sections.keys() == {"targets"}
        case list() as groups:
            return all(isinstance(group.content, dict) for group in groups)
    return False


def _report_targets(file: Path) -> None:
    from config.discovered import read_targets

    click.echo(
        f"{file}: ok as a file of targets for discovery ({counted(len(read_targets(file).targets), 'target')}); a configuration has scenarios too"
    )


def _report(loaded: Loaded, show: bool) -> None:
    from config.effective import effective
    from config.reader import summary

    names = _names(loaded)
    for warning in loaded.warnings:
        click.echo(f"{warning} (warning)", err=True)
    if boundaries := _boundaries(loaded.config):
        click.echo(
            f"{names}: slos add bucket boundaries: {boundaries}; "
            "an exporter that is running starts such a histogram anew when it loads a change of them (note)",
            err=True,
        )
    if unused := _unused_buckets(loaded.config):
        click.echo(
            f"{names}: native.buckets: used leaves out buckets that nothing uses, {unused}; averages stay, and all serves them (note)", err=True
        )
    discovered = _discovered(loaded.config)
    if show:
        click.echo(f"# {names}\n{effective(loaded.config)}", nl=False)
    else:
        click.echo(f"{names}: ok ({summary(loaded.config)}{discovered})")


def _discovered(config: Config) -> str:
    """Says what is wrong with the files of targets that there are now, and gives what the summary has of them."""
    from config.secrets import SecretError, Secrets
    from discovery.files import look
    from discovery.plan import Idle, idle_patterns, idle_targets

    try:
        found = look(config, Secrets())
    except SecretError as error:  # it was read a moment ago, with the configuration
        raise click.ClickException(f"a secret cannot be read: {error}") from error
    idle = Idle(idle_patterns(config), idle_targets(config, found.members))
    for line in (*found.problems, *found.passed_over, *idle.lines()):
        click.echo(f"{line} (warning)", err=True)
    return f"; {counted(len(found.members), 'target')} discovered" if found.looked else ""


def _boundaries(config: Config) -> str:
    """The thresholds that are no boundary of their histogram anyway, like `chatprobe_ttft_seconds 0.18`."""
    from exporter.metrics.boundaries import added

    return ", ".join(f"{metric.name} {' '.join(f'{bound:.10g}' for bound in bounds)}" for metric, bounds in added(config).items())


def _unused_buckets(config: Config) -> str:
    """How many series are not served on of the engines that are configured, like `about 60 of the 330 series of vLLM`."""
    from probes import backends
    from probes.wording import listed

    if not config.native.relay or config.native.buckets == "all":
        return ""
    asked = {target.backend for target in config.targets.values() if target.metrics and target.metrics.wanted}
    engines = [backend for name, backend in backends.BACKENDS.items() if name in asked]
    usual = [(engine.title, engine.metrics.usual) for engine in engines if engine.metrics and engine.metrics.usual]
    return listed(
        [f"about {series.whole - series.used} of the {series.whole} series of {title}" for title, series in usual if series.used < series.whole]
    )


def _compare(running: Loaded, loaded: Loaded, *, err: bool) -> None:
    from config.changes import changes
    from exporter.metrics.boundaries import beginning_anew

    lines = list(changes(running.config, loaded.config).lines())
    if anew := beginning_anew(running.config, loaded.config):
        lines.append(f"histograms that begin anew: {', '.join(metric.name for metric in anew)}")
    where = f"where {_names(running)} is running"
    click.echo(f"{_names(loaded)}: a reload would change {'this' if lines else 'nothing'} {where}{':' if lines else ''}", err=err)
    for line in lines:
        click.echo(f"  {line}", err=err)


def _names(loaded: Loaded) -> str:
    return " + ".join(map(str, loaded.files))
