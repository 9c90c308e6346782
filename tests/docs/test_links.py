"""What pages lead to is there: files and headings of links, paths of this repository, modules, targets of `make`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import NAMES, PAGES, ROOT, Page

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)
PATH = re.compile(r"(?:\./)?(?P<first>[\w.-]+)(?:/[\w.*-]+)+/?")
OURS = frozenset(path.name for path in ROOT.iterdir())


def words(page: Page) -> Iterator[str]:
    """What stands as code in the page, and in its commands, word by word."""
    for text in (*page.spans, *page.blocks("sh")):
        yield from text.split()


def broken_paths(page: Page) -> list[str]:
    """Words that begin with the name of something at the root or beside the page, as a path does, and lead nowhere from either."""
    here = page.path.parent
    beside = OURS | {path.name for path in here.iterdir()}
    return [
        word
        for word in words(page)
        if (path := PATH.fullmatch(word))
        and path["first"] in beside
        and not any(any(folder.glob(word.strip("/").replace("NAME", "*"))) for folder in (ROOT, here))
    ]


@every_page
def test_links_lead_somewhere(page: Page) -> None:
    assert [link for link in page.links if "://" not in link and not page.leads_somewhere(link)] == []


@every_page
def test_paths_are_there(page: Page) -> None:
    assert broken_paths(page) == []


@every_page
def test_modules_are_there(page: Page) -> None:
    named = re.findall(r"python3? -m ((?:benchmarks|catalogue|cli|helm)\b[\w.]*)", page.text)
    files = [ROOT / name.replace(".", "/") for name in named]
    assert [file for file in files if not file.with_suffix(".py").is_file() and not (file / "__main__.py").is_file()] == []


@every_page
def test_make_knows_its_targets(page: Page) -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for text in (*page.spans, *page.blocks("sh")) for target in re.findall(r"^make ([a-z]+)", text, re.MULTILINE)}
    assert named <= known


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(
        "# A `b`, c\n\n## Twice\n\n## Twice\n\n[a](#a-b-c) [b](#twice-1) [c](#twice-2) [d](none.md) ![e](page.md)\n\n"
        "| `docs/none.md` | `docs/images/*.png` |\n|---|---|\n\n```sh\ncat ./docs/none.sh docs/metrics.md elsewhere/none\n```\n"
    )
    page = Page(file)
    assert [link for link in page.links if not page.leads_somewhere(link)] == ["#twice-2", "none.md"]
    assert broken_paths(page) == ["docs/none.md", "./docs/none.sh"]
