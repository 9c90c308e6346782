"""The words of the field, what benchmark runs measure, and why engines are as they were measured: out of their pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from cli.explained.pages import DEFINITIONS, FINDINGS, SUMMARY, rows, sections
from cli.explained.topic import Topic

_TERMS = {"Measures": ("Measure", "definition"), "Instants of a chat": ("Instant", "instant of a chat")}
"""Tables of definitions: by the heading over them, the column of names and what one of them is."""
_RULES = {"Causes": "finding: a cause", "Caveats": "finding: a caveat"}


def topics() -> Iterator[Topic]:
    """The definitions, then the chapters that they stand in, then measures and findings."""
    chapters = sections(DEFINITIONS)
    for heading, (column, kind) in _TERMS.items():
        for row in rows(chapters[heading]):
            yield Topic(_plain(row[column]), kind, partial(_cells, row, column))
    for heading, text in chapters.items():
        if heading != "Definitions":
            yield Topic(heading.lower(), "chapter of the definitions", partial(str, text))
    for row in rows(sections(SUMMARY)["Measures"]):
        yield Topic(_plain(row["Measure"]), "measure of benchmark runs", partial(_cells, row, "Measure"))
    for heading, kind in _RULES.items():
        for row in rows(sections(FINDINGS)[heading]):
            yield Topic(_plain(row["Rule"]), kind, partial(_cells, row, "Rule"))


def _cells(row: Mapping[str, str], besides: str) -> str:
    """A row as paragraphs, each under the heading of its column; of a column alone without one."""
    cells = {head: cell for head, cell in row.items() if head != besides}
    if len(cells) == 1:
        return next(iter(cells.values()))
    return "\n\n".join(f"**{head}:** {cell}" for head, cell in cells.items())


def _plain(name: str) -> str:
    return name.replace("`", "")
