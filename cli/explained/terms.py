"""The words of the field, what is measured, what is checked, and why engines are as they were measured: out of their pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from cli.explained.pages import COMPARING, DEFINITIONS, FINDINGS, KUBERNETES, SUMMARY, rows, sections
from cli.explained.topic import Topic

_TABLES = (
    (DEFINITIONS, "Measures", "Measure", "definition"),
    (DEFINITIONS, "Instants of a chat", "Instant", "instant of a chat"),
    (SUMMARY, "Measures", "Measure", "measure of benchmark runs"),
    (FINDINGS, "Causes", "Rule", "finding: a cause"),
    (FINDINGS, "Caveats", "Rule", "finding: a caveat"),
    (DEFINITIONS, "Checks of the answer", "Check", "check of answers"),
    (KUBERNETES, "Looking before chatting", "Check", "check of a cluster"),
    (COMPARING, "Comparing runs", "Verdict", "verdict of a comparison"),
)
"""A page, the heading over a table in it, its column of names, and what one of these is."""

_WHAT_IT_IS = ("Definition", "Meaning")


def topics() -> Iterator[Topic]:
    """What stands in tables, then the chapters of the definitions."""
    for page, heading, column, kind in _TABLES:
        for row in rows(sections(page)[heading]):
            yield Topic(_plain(row[column]), kind, partial(_cells, row, column))
    for heading, text in sections(DEFINITIONS).items():
        if heading != "Definitions":
            yield Topic(heading.lower(), "chapter of the definitions", partial(str, text))


def _cells(row: Mapping[str, str], besides: str) -> str:
    """A row as paragraphs, each under the heading of its column, but for what a thing is."""
    return "\n\n".join(cell if head in _WHAT_IT_IS else f"**{head}:** {cell}" for head, cell in row.items() if head != besides)


def _plain(name: str) -> str:
    return name.replace("`", "")
