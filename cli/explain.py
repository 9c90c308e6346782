"""`chatprobe explain`: the documentation, in the terminal."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cli.explained.topic import Topic

_NAMES_AT_ONCE = 120
"""So many names of a kind still can be read through."""

_WIDEST = 110
"""Columns: longer lines are hard to read."""


@click.command()
@click.argument("words", nargs=-1, metavar="[NAME]")
def command(words: tuple[str, ...]) -> None:
    """Say what a reason, metric, alert, measure, finding or check means, and what to do about it.

    NAME is as it stands in a log, a label or a table: stalled, chatprobe_ttft_seconds, LLMTargetDown, TPOT, late_starts. With a * in it, the names
    that match are listed; without a NAME, all are. Where the output is no terminal it is Markdown.
    """
    from cli.explained.topics import find, matching, nearest, topics

    known, name = topics(), " ".join(words)
    if not name:
        _show(_index(known, _briefly))
        return
    if "*" in name:
        matched = matching(name, known)
        if not matched:
            raise click.ClickException(f"nothing that can be explained matches {name}; chatprobe explain lists everything")
        _show(_index(matched, _each))
        return
    found = find(name, known)
    if not found:
        near = nearest(name, known)
        instead = f"did you mean {', '.join(near)}?" if near else "chatprobe explain lists everything"
        raise click.ClickException(f"there is nothing called {name!r}; {instead}")
    _show("\n".join(topic.markdown for topic in found))


def _index(listed: Iterable[Topic], names: Callable[[list[str]], Iterable[str]]) -> str:
    """What there is, kind by kind; `names` makes of all names of a kind what is shown."""
    kinds = groupby(listed, key=lambda topic: topic.kind)
    lines = (f"**{kind}:** {', '.join(names([topic.name for topic in each]))}\n" for kind, each in kinds)
    return "\n".join((*lines, "`chatprobe explain NAME` tells of one, and `chatprobe explain 'PATTERN*'` lists those that match.\n"))


def _each(names: list[str]) -> Iterator[str]:
    return (f"`{name}`" for name in names)


def _briefly(names: list[str]) -> Iterator[str]:
    """Of very many, how many have which beginning."""
    if len(names) <= _NAMES_AT_ONCE:
        yield from _each(names)
        return
    for beginning, count in Counter(re.split("(?<=[:_])", name, maxsplit=1)[0] for name in names).items():
        yield f"`{beginning}*` ({count})"


def _show(markdown: str) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        click.echo(markdown, nl=False)
        return
    from rich.markdown import Markdown

    console.print(Markdown(markdown), width=min(console.width, _WIDEST))
