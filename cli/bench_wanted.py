"""What was asked of `chatprobe bench`, and the configuration that follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import exits_on_error
from cli.given import Given, targets_block, unasked_block

if TYPE_CHECKING:
    from config.bench import Bench, BenchFacts
    from config.bench_slos import ChatSlo
    from config.model import Config
    from config.reader import Loaded


_MOST_DIGITS = 9


class BenchError(click.ClickException):
    """A run that could not be."""

    exit_code = 2


class Users(click.ParamType[tuple[int, ...]]):
    """Numbers of users: 10, or 1,10,50."""

    name = "users"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        from config.shapes import MOST_USERS

        found = tuple(int(part) for part in str(value).split(",") if part.isdecimal() and len(part) <= _MOST_DIGITS)
        if len(found) != len(str(value).split(",")) or not all(1 <= users <= MOST_USERS for users in found):
            self.fail(f"{value} is no number of users; write a whole number from 1 to {MOST_USERS}, or several, like 1,10,50", param, ctx)
        return found


class Rates(click.ParamType[tuple[Fraction, ...]]):
    """Rates: 2/s, or 1/s,2/s,4/s."""

    name = "rates"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Fraction, ...]:
        from config.quantities import read_rate
        from config.scenario import above_zero

        try:
            return tuple(above_zero(read_rate(part)) for part in str(value).split(","))
        except ValueError as error:
            self.fail(f"{value} {error}", param, ctx)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of a run. `preset` is what the configuration is laid over."""

    preset: str | None
    configs: tuple[Path, ...]
    name: str
    targets: tuple[Given, ...] = ()
    chosen: str | None = None
    users: tuple[int, ...] | None = None
    rates: tuple[Fraction, ...] | None = None
    duration: float | None = None
    rounds: int | None = None
    seed: int | None = None
    hardware: str | None = None
    facts: tuple[str, ...] = ()
    slo: str | None = None
    objective: str | None = None
    until: tuple[str, ...] = ()
    results: Path = Path("results")
    dry_run: bool = False
    progress: bool = True


def configuration(wanted: Wanted) -> Config:
    """The configuration with the options laid over it. Raises `click.ClickException`; what is wrong with a file is printed before."""
    if wanted.users and wanted.rates:
        raise click.UsageError("give --users or --rate, not both")
    check_until(wanted.until)
    with exits_on_error(BenchError.exit_code):
        config = _with_options(_loaded(wanted).config, wanted)
    _refuse_idle(config.bench, wanted)
    return config


def before_asking(wanted: Wanted) -> Config | None:
    """The configuration as far as it is known before the engines are asked what they are; None where their answers decide whether it is right."""
    from config.problems import ConfigError

    try:
        return _with_options(_loaded(replace(wanted, dry_run=True)).config, wanted)
    except ConfigError:
        return None


def check_until(written: tuple[str, ...]) -> None:
    """Raises `click.BadParameter` for what cannot be read."""
    from bench.until import parse

    for one in written:
        try:
            parse(one)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--until") from None


def _refuse_idle(bench: Bench, wanted: Wanted) -> None:
    """Raises `click.BadParameter` for an option that would change nothing of this run."""
    from bench.until import FEWEST_ROUNDS

    if bench.search is not None and wanted.rounds is not None:
        raise click.BadParameter("is not for a search, whose loads get rounds until one is decided; write bench.search.rounds", param_hint="--rounds")
    if bench.search is not None and wanted.until:
        raise click.BadParameter("is not for a search, which ends by what it finds; leave it out", param_hint="--until")
    for key, given in {"slo": wanted.slo, "objective": wanted.objective}.items():
        if bench.search is not None and given is not None:
            raise click.BadParameter(f"is not for a search, which has its own; write bench.search.{key}", param_hint=f"--{key}")
    if bench.replay is not None and wanted.duration is not None:
        raise click.BadParameter("is not for a replay, which lasts as long as its trace; write bench.replay.for", param_hint="--duration")
    if wanted.until and bench.rounds < FEWEST_ROUNDS:
        raise click.BadParameter(f"looks after {FEWEST_ROUNDS} rounds at the earliest; give --rounds {FEWEST_ROUNDS} or more", param_hint="--until")


def _loaded(wanted: Wanted) -> Loaded:
    """The files, laid over the preset, with the given targets laid over them. Raises `ConfigError`."""
    from config.reader import Text, find, read
    from config.starters import bench_preset

    given = wanted.targets
    above = []
    if given:
        above = [Text("--target", unasked_block(given) if wanted.dry_run else _asked_block(given))]
    files = wanted.configs if given and (wanted.configs or wanted.preset) else find(wanted.configs)
    below = [Text(f"preset {wanted.preset}", bench_preset(wanted.preset, _said(files)))] if wanted.preset else []
    return read(files, below=below, above=above)


def _asked_block(given: Sequence[Given]) -> str:
    """What the engines say of themselves, as a configuration. Raises `click.ClickException`."""
    try:
        return asyncio.run(targets_block(given))
    except click.UsageError:
        raise
    except click.ClickException as error:
        raise BenchError(error.message) from error


def _said(files: Sequence[Path]) -> set[str]:
    """The keys that stand under `bench` in any of the files. Raises `ConfigError`."""
    from config.places import bytes_of, read_yaml

    written = [read_yaml(bytes_of(file), str(file))[0].plain() for file in files]
    return {key for content in written if isinstance(content, dict) and isinstance(content.get("bench"), dict) for key in content["bench"]}


def _with_options(config: Config, wanted: Wanted) -> Config:
    from config.bench import BenchLevel

    bench: dict[str, Any] = {}
    if wanted.users or wanted.rates:
        bench |= {"sweep": None, "search": None, "replay": None}
    if wanted.users:
        bench["levels"] = tuple(BenchLevel(users=users) for users in wanted.users)
    if wanted.rates:
        bench["levels"] = tuple(BenchLevel(rate=rate) for rate in wanted.rates)
    if wanted.duration is not None:
        bench |= {"duration_seconds": wanted.duration, "block_seconds": None}
    if wanted.rounds is not None:
        bench["rounds"] = wanted.rounds
    if wanted.hardware is not None:
        bench["hardware"] = wanted.hardware
    if wanted.facts:
        bench["facts"] = _facts(config, wanted.facts)
    if wanted.objective is not None:
        bench["objective"] = _objective(config, wanted)
    if wanted.slo is not None:
        bench["slo"] = _slo(config, wanted.slo)
    changed = config.model_copy(update={"bench": config.bench.model_copy(update=bench)})
    if wanted.seed is None:
        return changed
    name = config.benched
    scenario = config.scenarios[name].model_copy(update={"seed": wanted.seed})
    return changed.model_copy(update={"scenarios": {**config.scenarios, name: scenario}})


def _facts(config: Config, written: Sequence[str]) -> dict[str, BenchFacts]:
    """Those of the configuration, with these laid over them."""
    from pydantic import ValidationError

    from config.bench import BenchFacts
    from probes.wording import listed

    found = dict(config.bench.facts)
    names = [str(field.alias or name) for name, field in BenchFacts.model_fields.items()]
    for one in written:
        place, equals, value = one.partition("=")
        target, colon, fact = place.rpartition(":")
        if not equals or fact not in names:
            raise click.BadParameter(
                f"{place} is no fact; write TARGET:FACT=TEXT with {listed(names, 'or')}, like vllm:hardware=H100", param_hint="--fact"
            )
        pattern = target if colon else "*"
        before = found.pop(pattern).model_dump(by_alias=True) if pattern in found else {}
        try:
            found[pattern] = BenchFacts.model_validate({**before, fact: value})
        except ValidationError as error:
            raise click.BadParameter(f"{place} {error.errors()[0]['msg'].removeprefix('Value error, ')}", param_hint="--fact") from None
    return found


def _objective(config: Config, wanted: Wanted) -> Decimal:
    from config.quantities import read_share

    if wanted.slo is None and config.bench.kept_to is None:
        raise click.BadParameter("has no SLO to ask for; give --slo NAME too", param_hint="--objective")
    try:
        return read_share(wanted.objective)
    except ValueError as error:
        raise click.BadParameter(f"{wanted.objective} {error}", param_hint="--objective") from None


def _slo(config: Config, name: str) -> ChatSlo:
    from config.bench_slos import PRESETS, presets_in_words

    own = own_slos(config)
    if name not in own and name not in PRESETS:
        others = "".join(f"\n  {slo.told}" for slo in own.values())
        raise click.BadParameter(f"there is no SLO {name}; there are\n{presets_in_words()}{others}", param_hint="--slo")
    return own.get(name) or PRESETS[name]


def own_slos(config: Config) -> dict[str, ChatSlo]:
    """Those of a configuration that have thresholds of chats, by name."""
    from config.bench_slos import ChatSlo

    return {name: ChatSlo.of(name, slo.thresholds) for name, slo in config.slos.items() if slo.thresholds}
