"""What tests/accessibility.py says of pages that are known to be good or bad."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from tests.accessibility import PHONE, axe, shut_out, too_wide

GOOD = "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1><p>Read me.</main></html>"
in_the_modules_loop = pytest.mark.asyncio(loop_scope="module")


async def opened(browser: Browser, text: str) -> Page:
    page = await browser.new_page(viewport=PHONE)
    await page.set_content(text)
    return page


@in_the_modules_loop
async def test_a_good_page_has_nothing(browser: Browser) -> None:
    page = await opened(browser, GOOD)
    assert await shut_out(page) == []
    assert await too_wide(page) == []


@in_the_modules_loop
@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("<p style='color: #bbb; background: #fff'>Read me.", "color-contrast"),
        ("<img src='data:,'>", "image-alt"),
        ("<button></button>", "button-name"),
        ("<h4>Deep</h4>", "heading-order"),
    ],
)
async def test_what_shuts_people_out_is_found(browser: Browser, wrong: str, rule: str) -> None:
    page = await opened(browser, GOOD.replace("<p>Read me.", wrong))
    assert [line.partition(":")[0] for line in await shut_out(page)] == [rule]


@in_the_modules_loop
async def test_a_page_that_forbids_scripts_is_looked_at_too(browser: Browser) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page = await opened(browser, GOOD.replace("<title>", f"{policy}<title>").replace("<p>", "<h4>"))
    assert [line.partition(":")[0] for line in await shut_out(page)] == ["heading-order"]


@in_the_modules_loop
async def test_what_is_too_wide_is_named(browser: Browser) -> None:
    page = await opened(browser, GOOD.replace("<p>", "<meta name=viewport content=width=device-width><div class=wide style='width: 800px'>"))
    assert await too_wide(page) == ["div.wide: 808 of 390 px"]


def test_a_missing_axe_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REAL_AXE_HOME", "/nowhere")
    axe.cache_clear()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="axe/install fetches it"):
        axe()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="axe/install fetches it"):
        axe()
