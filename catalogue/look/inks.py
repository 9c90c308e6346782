"""The colours of `look.css` that belong to no engine, for what is drawn outside of a page: text, lines, states."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from catalogue.look import Shade

_PROPERTY = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
_LIGHT, _DARK = ":root {", ':root[data-theme="dark"] {'


def ink(name: str) -> Shade:
    """The colour that pages have as `--NAME`. Raises `KeyError` where they have none."""
    return inks()[name]


@cache
def inks() -> dict[str, Shade]:
    """All of them, by name."""
    text = files(__package__).joinpath("look.css").read_text("utf-8")
    light, dark = (dict(_PROPERTY.findall(_block(text, selector))) for selector in (_LIGHT, _DARK))
    return {name: Shade(colour, dark[name]) for name, colour in light.items()}


@cache
def font() -> str:
    """The families of text, the first that the reader has."""
    text = files(__package__).joinpath("look.css").read_text("utf-8")
    found = re.search(r"--font: ([^;]+);", text)
    assert found is not None, "look.css names the type of all pages"
    return found[1].replace('"', "'")


def _block(text: str, selector: str) -> str:
    begin = text.index(selector) + len(selector)
    return text[begin : text.index("}", begin)]
