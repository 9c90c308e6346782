"""Writes the page on troubles: `python -m catalogue.troubles.page > docs/troubleshooting.md`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from catalogue.troubles.groups import GROUPS, Group
from catalogue.troubles.trouble import Trouble

_WIDTH = 120
_INTRODUCTION = (
    "What went wrong has a name: in the log, in a label, or on the terminal. Look for it here. `chatprobe explain NAME` "
    "says the same in the terminal.",
    "Written by `python -m catalogue.troubles.page`; a test keeps page and program alike. What an alert asks of you stands in its "
    "[runbook](runbooks/README.md).",
)


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Troubleshooting"
    yield ""
    for paragraph in _INTRODUCTION:
        yield _wrapped(paragraph)
        yield ""
    for group in GROUPS:
        yield _wrapped(f"- [{group.title}](#{anchor(group.title)}): {', '.join(f'`{trouble.name}`' for trouble in group.troubles)}", "  ")
    for group in GROUPS:
        yield from _group(group)


def _group(group: Group) -> Iterator[str]:
    yield ""
    yield f"## {group.title}"
    yield ""
    yield _wrapped(group.met)
    for trouble in group.troubles:
        yield ""
        yield f"### `{trouble.name}`"
        yield ""
        yield told(trouble)


def told(trouble: Trouble) -> str:
    """One of them in Markdown, without its heading."""
    rows = (f"| {cause.what} | {cause.remedy} |" for cause in trouble.causes)
    paragraphs = (_wrapped(f"{_sentence(trouble.meaning)}"), _wrapped(f"**Looks like:** {trouble.looks_like}."))
    return "\n\n".join((*paragraphs, "\n".join(("| It can be | Do |", "|---|---|", *rows))))


def anchor(title: str) -> str:
    """Where a heading can be linked to, as GitHub makes it."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    sys.stdout.write(page())
