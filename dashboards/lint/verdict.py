"""All rules over all dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dashboards.dash.board import Board
from dashboards.dash.render import as_json
from dashboards.lint import frame, links, metrics, panels, variables
from dashboards.lint.finding import Finding
from dashboards.lint.page import Page


def verdict(boards: Iterable[Board]) -> tuple[Finding, ...]:
    """What is wrong with dashboards as they are built."""
    return verdict_on(Page(as_json(board)) for board in boards)


def verdict_on(pages: Iterable[Page]) -> tuple[Finding, ...]:
    """What is wrong with dashboards as JSON: each finding once, in the order of the dashboards."""
    pages = tuple(pages)
    by_uid = {page.uid: page for page in pages}
    found = [finding for page in pages for finding in _of(page, by_uid)]
    return tuple(dict.fromkeys((*found, *_uids(pages))))


def _of(page: Page, by_uid: Mapping[str, Page]) -> Iterator[Finding]:
    yield from frame.check(page)
    yield from metrics.check(page)
    yield from panels.check(page)
    yield from variables.check(page)
    yield from links.check(page, by_uid)


def _uids(pages: tuple[Page, ...]) -> Iterator[Finding]:
    seen: dict[str, Page] = {}
    for page in pages:
        if page.uid in seen:
            yield page.find(f"its uid {page.uid!r} is that of {seen[page.uid].title!r}", "give each the one that the catalogue has for it")
        seen[page.uid] = page
