"""The Markdown pages of the repository, as far as tests must understand them: headings, links, code, and the lines that are prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "docs/runbooks", "helm/*", "tests/*", "tests/data/*")
_OF_THE_PAST = "CHANGELOG.md"
"""It tells of commands and files that were."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Page:
    """One page, by its file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> list[Token]:
        return _MARKDOWN.parse(self.text)

    def blocks(self, language: str) -> list[str]:
        """What stands in fences of this language."""
        return [token.content.strip() for token in self.tokens if token.type == "fence" and token.info == language]

    @property
    def spans(self) -> list[str]:
        """What stands as code inside of sentences, tables and headings."""
        return [token.content for token in self._inside() if token.type == "code_inline"]

    @property
    def links(self) -> list[str]:
        """Where links lead, and what pictures show."""
        return [str(token.attrs[name]) for token in self._inside() for name in ("href", "src") if name in token.attrs]

    @property
    def anchors(self) -> set[str]:
        """Of its headings, as GitHub makes them; of headings that are alike, the later ones get a number."""
        found: dict[str, int] = {}
        for opening, inline in zip(self.tokens, self.tokens[1:], strict=False):
            if opening.type == "heading_open":
                anchor = re.sub(r"[^\w\- ]", "", _text(inline).lower()).replace(" ", "-")
                found[anchor] = found.get(anchor, 0) + 1
        return {anchor if number == 0 else f"{anchor}-{number}" for anchor, count in found.items() for number in range(count)}

    @property
    def prose(self) -> Iterator[tuple[int, str]]:
        """(number, line) of every line of sentences: those of paragraphs and lists, not of headings, tables and blocks of code."""
        lines = self.text.splitlines()
        kinds = {"table": 0, "heading": 0}
        for token in self.tokens:
            for kind in kinds:
                kinds[kind] += (token.type == f"{kind}_open") - (token.type == f"{kind}_close")
            if token.type == "inline" and token.map and not any(kinds.values()):
                yield from ((number + 1, lines[number]) for number in range(*token.map))

    def leads_somewhere(self, link: str) -> bool:
        """Whether what a relative link leads to is there, and has the heading that it names."""
        file, _, anchor = link.partition("#")
        to = (self.path.parent / file).resolve() if file else self.path
        return to.exists() and (not anchor or anchor in Page(to).anchors)

    def _inside(self) -> Iterator[Token]:
        return (child for token in self.tokens for child in token.children or ())


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))


def without_code(text: str) -> str:
    return re.sub("`[^`\n]+`", "", text)


PAGES = tuple(Page(path) for folder in FOLDERS for path in sorted(ROOT.glob(f"{folder}/*.md")) if path.name != _OF_THE_PAST)
NAMES = tuple(str(page.path.relative_to(ROOT)) for page in PAGES)
