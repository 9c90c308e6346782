"""All rules over all dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dashboards.dash.board import Board
from dashboards.dash.render import as_json
from dashboards.lint import links, linter, metrics, panels, variables
from dashboards.lint.exclusions import Exclusion, excluded
from dashboards.lint.finding import Finding
from dashboards.lint.page import Page


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, and what of dashboard-linter's findings is not, with the reasons."""

    findings: tuple[Finding, ...]
    exclusions: tuple[Exclusion, ...]


def verdict(boards: Iterable[Board]) -> Verdict:
    """Of dashboards as they are built."""
    return verdict_on(Page(as_json(board)) for board in boards)


def verdict_on(pages: Iterable[Page]) -> Verdict:
    """Of dashboards as JSON: each finding once, in the order of the dashboards."""
    pages = tuple(pages)
    findings: dict[Finding, None] = {}
    exclusions: dict[Exclusion, None] = {}
    for page in pages:
        for finding in linter.check(page):
            exclusion = excluded(page, finding)
            if exclusion is None:
                findings[finding] = None
            else:
                exclusions[exclusion] = None
        findings |= dict.fromkeys(_of_ours(page, pages))
    findings |= dict.fromkeys(_uids(pages))
    return Verdict(tuple(_said_once(findings)), tuple(sorted(exclusions)))


def _of_ours(page: Page, pages: tuple[Page, ...]) -> Iterator[Finding]:
    yield from metrics.check(page)
    yield from panels.check(page)
    yield from variables.check(page)
    yield from links.check(page, {each.uid: each for each in pages})


def _uids(pages: tuple[Page, ...]) -> Iterator[Finding]:
    seen: dict[str, Page] = {}
    for page in pages:
        if page.uid in seen:
            yield page.find("uid", f"its uid {page.uid!r} is that of {seen[page.uid].title!r}", "give each the one that the catalogue has for it")
        seen[page.uid] = page


def _said_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Without those that say the same of the same panel, by another rule or of another of its queries."""
    seen: set[str] = set()
    for finding in findings:
        if str(finding) not in seen:
            seen.add(str(finding))
            yield finding
