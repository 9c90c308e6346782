"""The report in one page of Markdown, for a mail or a message: the finding, who is better at what, what follows, whether it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from bench.escaping import in_markdown
from bench.report.board import Square
from bench.report.document import Document
from bench.report.plain import with_level
from probes.wording import counted

_ADVICE, _WHY = 4, 3
"""How many recommendations, and reasons for doubt, have room on it."""


def brief(report: Document) -> str:
    """The page. Nothing in it but our own words is markup."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Document) -> Iterator[str]:
    yield f"# {in_markdown(report.title)}"
    yield from ("", in_markdown(report.finding), "", f"**{_trust(report)}** {in_markdown(report.trust.words)}")
    if report.trust.why:
        yield from ("", *(f"- {in_markdown(why)}" for why in report.trust.why[:_WHY]), *_more(len(report.trust.why) - _WHY))
    yield from _better(report)
    yield from _costs(report)
    changes = [each for each in report.advice if each.kind != "choice"]
    if changes:
        yield from ("", "**What follows**", "")
        yield from (f"- {in_markdown(each.whom)}: {in_markdown(each.words)} ({in_markdown(each.fact)})" for each in changes[:_ADVICE])
        yield from _more(len(changes) - _ADVICE)
    if report.failures.rows:
        worst = sorted(report.failures.rows, key=lambda row: row.count, reverse=True)[:_WHY]
        yield from ("", "**What failed most**", "")
        yield from (f"- {in_markdown(f'{row.target}, {row.level}: {row.count:,} of {row.attempts:,} chats, {row.reason}')}" for row in worst)
    measured = f"{report.begun_at:%Y-%m-%d %H:%M} UTC, {counted(report.chats, 'chat')} counted"
    name = report.run_name.replace("`", "'")
    yield from ("", f"Measured {measured}. The whole report: `chatprobe results report {name}`")


def _trust(report: Document) -> str:
    if not report.trust.trusted:
        return "Not for a verdict."
    return "To be read with care." if report.trust.why else "These numbers can be trusted."


def _better(report: Document) -> Iterator[str]:
    """At the heaviest level that was measured."""
    if not report.trust.trusted or not report.board.rows:
        return
    yield from ("", f"**Who is better at what, {in_markdown(with_level(report.board.levels[-1]))}**", "")
    for row in report.board.rows:
        found = row.squares[-1]
        if found is not None:
            yield f"- {row.plain} ({in_markdown(row.name)}): {_square(found)}"


def _square(found: Square) -> str:
    match found.kind:
        case "best":
            return f"**{in_markdown(found.best or '')}**; {in_markdown(found.words)}"
        case "some":
            wins = [f"**{in_markdown(win.winner)}**; {in_markdown('; '.join(win.over))}" for win in found.wins]
            return "; ".join([*wins, *([in_markdown(found.words)] if found.words else [])])
        case "same":
            return f"no difference seen; {in_markdown(found.words)}" if found.words else "no difference seen"
    return f"cannot be said; {in_markdown(found.words)}"


def _costs(report: Document) -> Iterator[str]:
    told = [
        f"- {in_markdown(f'{cost.target}: {cost.per_million:,.3g} {cost.price.currency} a million tokens, {with_level(cost.level)}')}"
        for cost in report.costs.engines
        if cost.price is not None and cost.per_million is not None
    ]
    if told:
        yield from ("", "**What it costs**", "", *told)


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"- and {count} more in the report"
