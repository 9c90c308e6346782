"""A verdict on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.comparing import rows
from bench.comparing.verdict import Outcome, Verdict

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "yellow"}


def shown(verdict: Verdict) -> RenderableType:
    """The verdict first, then its tables, then why, then what must be said with it."""
    return Group(*_parts(verdict))


def _parts(verdict: Verdict) -> Iterator[RenderableType]:
    yield Text(rows.statement(verdict), style=_STYLES[verdict.outcome])
    yield from map(Text, rows.sides(verdict))
    for title, judged in rows.places(verdict):
        yield _table(title, rows.CHANGES, ((rows.change_cells(one), one.outcome) for one in judged))
    if verdict.conditions:
        yield _table("", rows.CONDITIONS, ((rows.condition_cells(one, runs=len(verdict.candidate)), one.outcome) for one in verdict.conditions))
    yield from _listed("Why", rows.reasons(verdict))
    yield from _listed("To be read with it", rows.remarks(verdict))
    yield from _listed("What was measured", rows.definitions(verdict))


def _table(title: str, heads: tuple[str, ...], cells: Iterable[tuple[tuple[str, ...], Outcome]]) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for head in heads:
        left = head in (heads[0], heads[-1], "where")
        table.add_column(head, justify="left" if left else "right", no_wrap=head not in ("where", "between"), overflow="fold")
    for row, outcome in cells:
        *first, last = row
        table.add_row(*map(Text, first), Text(last, style=_STYLES[outcome]))
    return table


def _listed(title: str, sentences: Iterator[str]) -> Iterator[RenderableType]:
    found = list(sentences)
    if found:
        yield Text(title, style="bold")
        yield from (Text(f"- {sentence}") for sentence in found)
