"""The pages of the documentation that are told in the terminal too, and the parts of them.

A clone has them in `docs`. The wheel has copies of these few beside this room (`pyproject.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

DEFINITIONS, SUMMARY, FINDINGS, KUBERNETES, COMPARING = "definitions.md", "summary.md", "findings.md", "kubernetes.md", "comparing-runs.md"
RUNBOOKS = "runbooks"

_HEADING = re.compile(r"^(?=#{1,6} )", re.MULTILINE)
_CELLS = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)\s]+\)")


def page(name: str) -> str:
    """A page by its path below `docs`, without links: they lead nowhere in a terminal."""
    return _LINK.sub(r"\1", _folder().joinpath(name).read_text(encoding="utf-8"))


def names(folder: str) -> list[str]:
    """The pages of a folder below `docs`, without their ending and its own index."""
    found = (entry.name.removesuffix(".md") for entry in _folder().joinpath(folder).iterdir())
    return sorted(name for name in found if name != "README")


def sections(name: str) -> dict[str, str]:
    """The text under each heading of a page, up to the next heading, by the heading's words."""
    parts = (part.partition("\n") for part in _HEADING.split(page(name)) if part.startswith("#"))
    return {head.lstrip("#").strip(): text.strip() for head, _, text in parts}


def rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of the tables in a text, each by the headings of its columns."""
    heads: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            heads = []
            continue
        cells = [cell.strip() for cell in _CELLS.split(line)[1:-1]]
        if not heads:
            heads = cells
        elif any(cell.strip("-: ") for cell in cells):
            yield dict(zip(heads, cells, strict=True))


def _folder() -> Traversable:
    packaged = files("cli") / "pages"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "docs"
