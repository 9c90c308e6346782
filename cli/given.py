"""Targets that are given as URLs alone: which engine each is, and a configuration of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from probes import backends

if TYPE_CHECKING:
    from probes.control import Control

_NAMED = re.compile(r"([^:/=]*(?:/[^:/=]+)*)=(.*)", re.DOTALL)
_TARGETS = re.compile(r"^targets:\n(?: .*\n)+", re.MULTILINE)
_MOST_MODELS = 5
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)
_OTHER_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


@dataclass(frozen=True, slots=True)
class Given:
    """A target as it was given; `name` is None where none was."""

    name: str | None
    url: str

    def __str__(self) -> str:
        """As it can be given again."""
        return self.url if self.name is None else f"{self.name}={self.url}"


class GivenTarget(click.ParamType[Given]):
    """`[NAME=]URL`. On standard error, once, what was taken off the URL."""

    name = "target"

    def convert(self, value: str | Given, param: click.Parameter | None, ctx: click.Context | None) -> Given:
        if isinstance(value, Given):
            return value
        from config.endings import without_ending, words
        from config.quantities import read_name
        from config.rules import check_plain_url

        named = _NAMED.fullmatch(value)
        try:
            name = read_name(named[1]) if named else None
            url, ending = without_ending(check_plain_url(named[2] if named else value), None)
        except ValueError as error:
            raise click.BadParameter(f"{error}; write [NAME=]URL", param_hint="--target") from None
        if ending:
            click.echo(f"--target: {words(ending)}", err=True)
        return Given(name, url)


target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    type=GivenTarget(),
    metavar="[NAME=]URL",
    help="An engine, which is asked what it is; repeatable.",
)


@dataclass(frozen=True, slots=True)
class _Engine:
    given: Given
    backend: str
    version: str | None
    models: tuple[str, ...]
    wants_key: bool = False


async def written_for(given: Sequence[Given], preset: str) -> str:
    """The text of a preset with these targets in place of its own. Raises `ClickException` where it cannot be told which engine one is."""
    from config.starters import starter

    block = await targets_block(given)
    return _TARGETS.sub(lambda _: block, starter(preset), count=1)


async def targets_block(given: Sequence[Given]) -> str:
    """The section `targets` of a configuration with these. Raises `ClickException` as `written_for` does."""
    from probes.control import Control

    async with Control() as control:
        engines = await asyncio.gather(*(_asked(control, one) for one in given))
    return "targets:\n" + "".join(line for name, engine in _with_names(engines) for line in _lines(name, engine))


def unasked_block(given: Sequence[Given]) -> str:
    """The same of engines that are not asked what they are: each is taken for a server of no particular kind."""
    engines = [_Engine(one, backends.unnamed(), None, ()) for one in given]
    return "targets:\n" + "".join(_line(name, engine) for name, engine in _with_names(engines))


async def _asked(control: Control, given: Given) -> _Engine:
    from cli.recognition import recognised
    from config.endings import without_ending
    from probes.ask import Endpoint
    from probes.control import ControlError, KeyWantedError

    endpoint = Endpoint("engine", backends.unnamed(), given.url)
    remedy = "look whether it runs; one that wants a key, or more, is written into a configuration by hand, with its backend: chatprobe init"
    backend = await recognised(control, endpoint, remedy)
    known = Endpoint("engine", backend, without_ending(given.url, backend)[0])
    version: str | None = None
    models: tuple[str, ...] = ()
    wants_key = False
    try:
        version = await control.version(known)
        models = await control.models(known)
    except ControlError as error:  # what is not known is not written
        wants_key = isinstance(error, KeyWantedError)
    return _Engine(Given(given.name, known.url), backend, version, models, wants_key)


def _with_names(engines: Sequence[_Engine]) -> Iterator[tuple[str, _Engine]]:
    """Each under its own name; raises `BadParameter` for one that was given twice."""
    taken = [engine.given.name for engine in engines if engine.given.name is not None]
    if len(taken) > len(set(taken)):
        raise click.BadParameter("names two targets alike; give each a name of its own", param_hint="--target")
    for engine in engines:
        name = engine.given.name
        if name is None:
            counted = (engine.backend if number == 1 else f"{engine.backend}-{number}" for number in range(1, len(engines) * 2 + 1))
            name = next(one for one in counted if one not in taken)
            taken.append(name)
        yield name, engine


def _lines(name: str, engine: _Engine) -> Iterator[str]:
    """YAML of one target, with what the engine says of itself as a comment."""
    title = backends.get(engine.backend).title
    version = "" if engine.version is None else f" {engine.version}"
    more = len(engine.models) - _MOST_MODELS
    listed = ", ".join(engine.models[:_MOST_MODELS]) + (f" and {more} more" if more > 0 else "")
    taken = "the first" if backends.get(engine.backend).on_demand is None else "one in memory, or the newest"
    lists = "wants a key: write api_key: {file: PATH}" if engine.wants_key else f"lists {listed or 'no models'}"
    comment = f"{title}{version}; it {lists}. Without a model, chats are with {taken}."
    yield f"  # {''.join(character for character in comment if character.isprintable())}\n"
    yield _line(name, engine)
    if backends.get(engine.backend).on_demand is not None:
        yield "  # A model that is not in memory is not chatted with, unless the target says load_model: true, too.\n"


def _line(name: str, engine: _Engine) -> str:
    return f"  {_written(name)}: {{backend: {engine.backend}, url: {json.dumps(engine.given.url)}}}\n"


def _written(name: str) -> str:
    """As YAML: a name that may be taken for a number or another word is quoted."""
    return name if _WORD.fullmatch(name) and name not in _OTHER_WORDS else json.dumps(name)
