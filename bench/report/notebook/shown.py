"""What a cell shows, as Markdown and HTML that notebooks display."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from rich.console import Console, RenderableType

from bench.escaping import in_markdown

_COLUMNS = 110
_AS_HIGH = "this.style.height = this.contentDocument.documentElement.scrollHeight + 'px'"
_PRE = '<pre style="font-family: monospace; line-height: 1.3; white-space: pre; overflow-x: auto">{code}</pre>'


@dataclass(frozen=True, slots=True)
class Shown:
    """Markdown, with HTML in it where Markdown has no form for it. `note` stands above all."""

    markdown: str
    note: str = ""

    def _repr_markdown_(self) -> str:
        return "\n\n".join(filter(None, (self.note, self.markdown)))


@dataclass(frozen=True, slots=True)
class Framed:
    """A whole page, in a frame of its own as high as it is, so that it has nothing of the notebook's styles and scripts."""

    page: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.page)}" title="charts" onload="{_AS_HIGH}" style="width: 100%; height: 60rem; border: 0"></iframe>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown. What stands in its rows is no markup."""
    lines = [tuple(head), *(tuple(in_markdown(cell) for cell in row) for row in rows)]
    width = len(lines[0])
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ("---",) * width, *lines[1:]))


def preformatted(text: str) -> str:
    """Text as it stands."""
    return f"```text\n{text.strip()}\n```"


def terminal(renderable: RenderableType) -> str:
    """What a terminal would show, with its colours, as HTML."""
    console = Console(file=io.StringIO(), record=True, width=_COLUMNS, force_terminal=True, force_jupyter=False, color_system="truecolor")
    console.print(renderable)
    return console.export_html(inline_styles=True, code_format=_PRE)
