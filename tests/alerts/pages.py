"""Markdown, as far as a test of pages must understand it: headings, links, code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\((?P<to>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_SPAN = re.compile(r"`(?P<code>[^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Page:
    """One page, by its file."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Without its blocks of code."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        return [match["body"].strip() for match in _FENCE.finditer(self.text) if match["language"] == language]

    @property
    def spans(self) -> list[str]:
        """What stands as code inside of the prose."""
        return [match["code"] for match in _SPAN.finditer(self.prose)]

    @property
    def links(self) -> list[str]:
        return [match["to"] for match in _LINK.finditer(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """Of its headings, as GitHub makes them."""
        return {re.sub(r"[^\w\- ]", "", match["text"].lower()).replace(" ", "-") for match in _HEADING.finditer(self.prose)}

    def leads_somewhere(self, link: str) -> bool:
        """Whether the file of a relative link is there, and has the heading that it names."""
        file, _, anchor = link.partition("#")
        to = Page(self.path.parent / file if file else self.path)
        return to.path.is_file() and (not anchor or anchor in to.anchors)


def without_code(text: str) -> str:
    return _SPAN.sub("", text)
