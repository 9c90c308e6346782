"""Sentences are wrapped, so that a change of one shows as a change of few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import NAMES, PAGES, Page

WIDTH = 120


def too_long(page: Page) -> list[int]:
    """The numbers of lines that could be shorter: those of one word alone could not."""
    return [number for number, line in page.prose if len(line) > WIDTH and " " in line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_it_is_wrapped(page: Page) -> None:
    assert too_long(page) == []


def test_tables_headings_and_code_may_be_as_long_as_they_are(tmp_path: Path) -> None:
    long = "word " * 30
    file = tmp_path / "page.md"
    file.write_text(f"# {long}\n\n```sh\n{long}\n```\n\n| {long} |\n|---|\n| {long} |\n\n<!-- {long} -->\n\n{long}\n\n- {long}\n  {long}\n> {long}\n")
    assert too_long(Page(file)) == [13, 15, 16, 17]
