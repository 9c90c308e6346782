"""A verdict as Markdown, for the summary of a pipeline's job or a comment on a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.comparing import rows
from bench.comparing.verdict import Outcome, Verdict
from bench.escaping import in_markdown

_MARKS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔"}


def markdown(verdict: Verdict) -> str:
    """A page part that GitHub, GitLab and the like show."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"### {_MARKS[verdict.outcome]} {in_markdown(rows.statement(verdict))}"
    yield ""
    yield from (f"- {in_markdown(side)}" for side in rows.sides(verdict))
    for title, judged in rows.places(verdict):
        yield from ("", f"**{in_markdown(title)}**", "")
        yield from _table(rows.CHANGES, ((rows.change_cells(one), one.outcome) for one in judged))
    if verdict.conditions:
        yield ""
        yield from _table(rows.CONDITIONS, ((rows.condition_cells(one, runs=len(verdict.candidate)), one.outcome) for one in verdict.conditions))
    for title, sentences in (("Why", rows.reasons(verdict)), ("To be read with it", rows.remarks(verdict))):
        found = list(sentences)
        if found:
            yield from ("", f"**{title}**", "", *(f"- {in_markdown(sentence)}" for sentence in found))
    told = list(rows.definitions(verdict))
    if told:
        yield from ("", "<details><summary>What was measured</summary>", "", *(f"- {in_markdown(line)}" for line in told), "", "</details>")


def _table(heads: tuple[str, ...], cells: Iterable[tuple[tuple[str, ...], Outcome]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' if head in (heads[0], heads[-1], 'where') else '---:' for head in heads)}|"
    for row, outcome in cells:
        *first, last = map(in_markdown, row)
        yield f"| {' | '.join([*first, f'{_MARKS[outcome]} {last}'])} |"
