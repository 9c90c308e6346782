"""The report as one page, which opens offline, prints, and needs no script to be read.

What comes from outside (names of targets, models and prompts, words of engines, a run that somebody else made) is escaped
by Jinja2. Behind that stands a policy in the page itself, by which nothing runs but the scripts that this file put there,
and nothing is fetched.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report.cost import Cost
from bench.report.document import Document, Engine
from bench.report.failures import Failed
from bench.report.people import WORDS
from bench.report.plain import in_seconds, with_level
from bench.report.prose import Speaker, coded, numbers
from bench.report.tables import Cell, Table, TableRow
from bench.report.words import TERMS
from bench.summary.words import percent
from catalogue.look import colour_of, stylesheet
from probes.wording import counted, figures

_KINDS = (("cause", "Causes"), ("caveat", "What these make doubtful"), ("unknown", "What they do not tell"))


@dataclass(frozen=True, slots=True)
class Embedded:
    """Charts for the page. `left_out` has the title of each that is missing, and why, in a sentence."""

    fragments: tuple[Markup, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    style: str = ""
    scripts: tuple[str, ...] = ()


def page(report: Document, charts: Embedded) -> str:
    """The whole page."""
    scripts = (_file("report.js"), *charts.scripts)
    return (
        _templates()
        .get_template("report.html")
        .render(
            report=report,
            charts=charts,
            policy=_policy(scripts),
            styles=Markup(stylesheet() + charts.style + _file("report.css")),
            scripts=[Markup(script) for script in scripts],
            speaker=Speaker,
            chats=f"{counted(report.chats, 'chat')} counted",
            contents=list(_contents(report)),
            words=WORDS,
            terms=TERMS,
            kinds=_KINDS,
            costs_table=costs_table(report),
            failures_table=failures_table(report),
        )
    )


def costs_table(report: Document) -> Table:
    """Capacity and cost by engine: columns of which nothing is known are left out."""
    engines = report.costs.engines
    columns: list[tuple[str, list[Cell]]] = [("at", [Cell(cost.level) for cost in engines])]
    columns.append(("tokens/s", [Cell(figures(cost.tokens_per_second)) for cost in engines]))
    optional = (
        ("GPUs", [_known(cost.gpus and str(cost.gpus), cost.gpus_told_by) for cost in engines]),
        ("tokens/s per GPU", [_known(_figures(cost.tokens_per_second_per_gpu)) for cost in engines]),
        ("users within the SLO", [_known(_count(cost.users), cost.slo or "") for cost in engines]),
        ("users per GPU", [_known(_count(cost.users_per_gpu)) for cost in engines]),
        ("per million tokens", [_money(cost, cost.per_million) for cost in engines]),
        ("per user and hour", [_money(cost, cost.per_user_hour) for cost in engines]),
    )
    columns += [(head, cells) for head, cells in optional if any(cell.text != "-" for cell in cells)]
    rows = tuple(TableRow((cost.target,), tuple(cells[number] for _, cells in columns), cost.target) for number, cost in enumerate(engines))
    return Table("What each engine can do, and what that costs", ("engine", *(head for head, _ in columns)), rows, frozenset({1}))


def failures_table(report: Document) -> Table:
    """Each engine, level and reason, with the words of the first such chat."""
    rows = tuple(
        TableRow(
            (row.target,),
            (Cell(row.level), Cell(row.reason), Cell(f"{row.count:,}"), Cell(percent(row.count / row.attempts)), Cell(_said(row))),
            row.target,
        )
        for row in report.failures.rows
    )
    return Table("Chats that failed", ("engine", "level", "reason", "chats", "share", "the first of them"), rows, frozenset({1, 2, 5}))


def _said(row: Failed) -> str:
    example = row.example
    return "-" if example is None else f"{example.detail or 'no words'} ({example.started_at[:19]} UTC, id {example.request_id})"


def _known(text: str | int | None, note: str = "") -> Cell:
    return Cell("-") if not text else Cell(str(text), note)


def _count(value: float | None) -> str | None:
    return None if value is None else f"{value:,.3g}"


def _figures(value: float | None) -> str | None:
    return None if value is None else figures(value)


def _money(cost: Cost, amount: float | None) -> Cell:
    if amount is None or cost.price is None:
        return Cell("-")
    return Cell(f"{f'{amount:,.2f}' if amount >= 1 else figures(amount)} {cost.price.currency}".strip(), f"at {cost.price.words}")


def _contents(report: Document) -> Iterator[tuple[str, str]]:
    if report.board.rows and report.trust.trusted:
        yield "better", "Who is better at what"
    yield "person", "What it means for a person"
    yield "cost", "Capacity and cost"
    yield "charts", "Charts"
    yield "numbers", "Numbers"
    yield "causes", "Why it was so"
    yield "advice", "What follows"
    yield "failed", "What failed"
    if report.caveats:
        yield "caveats", "Caveats"
    yield "method", "How it was measured"
    yield "words", "Words"


def _policy(scripts: tuple[str, ...]) -> str:
    """Only these scripts, which are named by their hashes (Content Security Policy Level 3, 2.3.1)."""
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def _colour(engine: Engine) -> str:
    return f"var(--engine-{'other' if colour_of(engine.backend) is None else engine.backend})"


def _sentence(text: str) -> str:
    """With a full stop behind it; an engine's flag at its beginning keeps its form."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _seconds(value: float | None) -> str:
    return "-" if value is None else in_seconds(value)


def _heads_of(table: Table) -> int:
    """How many columns are headings of their rows."""
    return max((len(row.heads) for row in table.rows), default=1)


def _file(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


@cache
def _templates() -> Environment:
    loader: Any = PackageLoader("bench.report")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {
        "numbers": numbers,
        "coded": coded,
        "colour": _colour,
        "sentence": _sentence,
        "seconds": _seconds,
        "with_level": lambda level: with_level(level)[0].upper() + with_level(level)[1:],
        "heads_of": _heads_of,
    }
    return environment
