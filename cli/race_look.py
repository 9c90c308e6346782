"""How engines look in a terminal: each a colour and a shape of its own (`catalogue.look`), never without its name."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.console import Console
from rich.style import Style
from rich.text import Text

from catalogue.look import Shape, shade_of, shape_of

_MARKS: dict[Shape, str] = {"circle": "●", "square": "■", "triangle-up": "▲", "diamond": "◆", "cross": "✚", "star": "★"}
_WITHOUT_SHAPES = "*"
_LIGHT_GROUNDS = ("7", "15")


def style_of(backend: str, environ: Mapping[str, str] = os.environ) -> Style:
    """The engine's colour. Terminals are taken for dark, but where `COLORFGBG` says that they are not."""
    shade = shade_of(backend)
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return Style(color=shade.light if ground in _LIGHT_GROUNDS else shade.dark)


def named(name: str, backend: str, console: Console) -> Text:
    """The engine's mark and its name, in its colour."""
    return Text(f"{_mark(backend, console)} {name}", style=style_of(backend) + Style(bold=True), no_wrap=True, overflow="ellipsis")


def can_show(text: str, console: Console) -> bool:
    """Whether the console has these characters."""
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True


def _mark(backend: str, console: Console) -> str:
    mark = _MARKS[shape_of(backend)]
    return mark if can_show(mark, console) else _WITHOUT_SHAPES
