"""The part of a chart's README that is made of its values."""

from __future__ import annotations

import json
from typing import Any

from helm.reference.values import Section, flat

MARK = "<!-- Below: written by `make generated` from values.yaml. -->"


class PageError(ValueError):
    """A README without the mark below which the values are written."""


def page(readme: str, values: Section) -> str:
    """The README with its table of values written afresh. Raises `PageError`."""
    above, mark, _ = readme.partition(MARK)
    if not mark:
        raise PageError(f"README.md has no place for the values; a line {MARK}")
    rows = [f"| `{'.'.join(value.path)}` | {_cell(value.kind)} | {_shown(value.default)} | {_cell(value.text)} |" for value in flat(values)]
    return "\n".join([f"{above}{MARK}", "", "## Values", "", "| Value | Kind | Default | What it is |", "|---|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(default: Any) -> str:
    if default in ("", None, [], {}):
        return ""
    text = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    return f"`{_cell(text.strip())}`"
