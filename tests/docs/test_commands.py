"""Commands of chatprobe that pages show are there, with the options that they are given."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.main import main
from tests.docs.pages import NAMES, PAGES, Page

_BETWEEN = {"&&", "||", "|", ";", "&"}
_PLACEHOLDERS = {"COMMAND"}


def commands(page: Page) -> Iterator[list[str]]:
    """The words behind `chatprobe` of each command in code, in lines of shell and in sentences."""
    lines = [line for block in page.blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    for line in (*lines, *page.spans):
        if "chatprobe " in line:
            yield from called(line)


def called(line: str) -> Iterator[list[str]]:
    """What chatprobe is called with in a line of shell, where it stands first in a command."""
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), ";"]:
        if word in _BETWEEN:
            if words and words[0].rpartition("/")[2] == "chatprobe" and words[1:]:
                yield words[1:]
            words = []
        else:
            words.append(word)


def wrong(words: list[str]) -> str | None:
    """What chatprobe would say of a command's name or options; None if they are known."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and words[0] not in (*_PLACEHOLDERS, *context.help_option_names, "--version"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"there is no command {words[0]!r}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if isinstance(command, click.Group):
        return None
    try:
        command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_they_are_there_with_their_options(page: Page) -> None:
    assert {shlex.join(words): problem for words in commands(page) if (problem := wrong(words))} == {}


def test_some_are_shown() -> None:
    shown = {words[0] for page in PAGES for words in commands(page)}
    assert {"serve", "probe", "demo", "check", "discover", "validate", "alerts", "dashboards", "init", "simulate"} <= shown


def test_what_is_not_there_is_found() -> None:
    line = "chatprobe chek a.yaml && /opt/bin/chatprobe serve --config a.yaml --records | chatprobe probe URL --cuont 3 # chatprobe no"
    problems = [wrong(words) for words in called(line)]
    assert problems[0] == "there is no command 'chek'"
    assert problems[1] == "Option '--records' requires an argument."
    assert str(problems[2]).startswith("No such option '--cuont'")
    assert len(problems) == 3


def every_command(command: click.Command = main, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield names
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every_command(found, (*names, name))


@pytest.mark.parametrize("names", [*every_command()], ids=" ".join)
def test_each_answers_help(names: tuple[str, ...]) -> None:
    answered = CliRunner().invoke(main, [*names, "--help"], prog_name="chatprobe")
    assert (answered.exit_code, answered.stderr) == (0, "")
    assert answered.stdout.startswith(f"Usage: {' '.join(('chatprobe', *names))} [OPTIONS]")
