"""Pages in Chromium, and what axe-core finds in them that shuts people out.

The fixture `browser` of tests/conftest.py starts Chromium once for a file of tests:

    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def test_the_page_shuts_nobody_out(browser: Browser) -> None:
        page = await browser.new_page(viewport=DESKTOP, color_scheme="dark")
        await page.goto(url)
        assert await shut_out(page) == []
        assert await too_wide(page) == []
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

INSTALL = Path(__file__).parent / "real/axe/install"
"""Fetches axe-core, of the version that it names."""
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SAY = """async (tags) => {
  const {violations} = await axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]});
  return violations.flatMap(({id, help, nodes}) => nodes.map(({target, failureSummary}) => `${id}: ${help}: ${target.join(" ")}: ${failureSummary}`));
}"""
_BEYOND = """() => {
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= edge) return [];
  const said = (each) => `${each.tagName.toLowerCase()}.${each.className}: ${Math.round(each.getBoundingClientRect().right)} of ${edge} px`;
  return [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > edge + 1).map(said);
}"""


def chromium() -> str:
    """Where Chromium is; its absence fails in CI, and skips elsewhere."""
    found = shutil.which("chromium")
    if found is None:
        assert not os.environ.get("CI"), "chromium is not installed"
        pytest.skip("chromium is not installed; it is Debian's package of this name")
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    from playwright.async_api import async_playwright  # half a second, which most tests need not wait for

    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        try:
            yield browser
        finally:
            await browser.close()


async def shut_out(page: Page) -> list[str]:
    """What axe-core finds in the page as it stands, a line each: WCAG 2.2 to level AA, and its best practices.

    The page's context has JavaScript: without it axe-core would never come to an end.
    """
    # Evaluated rather than added as a script, so that a page's own policy does not forbid it.
    await page.evaluate(axe())
    found: list[Any] = await page.evaluate(_SAY, _TAGS)
    return [str(each) for each in found]


async def too_wide(page: Page) -> list[str]:
    """What makes the page itself scroll sideways, a line each."""
    found: list[Any] = await page.evaluate(_BEYOND)
    return [str(each) for each in found]


@cache
def axe() -> str:
    """The text of axe-core, as `tests/real/axe/install` left it; its absence fails in CI, and skips elsewhere."""
    version = next(line.partition("=")[2] for line in INSTALL.read_text("utf-8").splitlines() if line.startswith("version="))
    home = Path(os.environ.get("REAL_AXE_HOME") or Path.home() / ".cache/real-axe")
    script = home / version / "axe.min.js"
    if not script.exists():
        assert not os.environ.get("CI"), f"{script} is not there: {INSTALL} fetches it"
        pytest.skip(f"axe-core is not there; {INSTALL} fetches it")
    return script.read_text("utf-8")
