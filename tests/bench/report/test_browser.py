"""The report's page in a browser: whom it shuts out, what it is without a script, in another locale, and with hostile names in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from bench.report.document import document
from bench.report.embedding import embedded
from bench.report.page import Embedded, page
from bench.report.seen import Seen
from tests.accessibility import DESKTOP, PHONE, shut_out, too_wide
from tests.bench.report.test_page import hostile

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def written(compared: Seen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report with its charts, on disk."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(document(compared), embedded(compared)), "utf-8")
    return path


@pytest.fixture(scope="module")
def plain(compared: Seen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report without charts, which take a browser some seconds."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(document(compared), Embedded()), "utf-8")
    return path


async def opened(browser: Browser, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """The page, and what the browser complains of."""
    found = await browser.new_page(**{"viewport": DESKTOP, **options})
    said: list[str] = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    await found.goto(path.as_uri())
    return found, said


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"contrast": "more"}])
async def test_nobody_is_shut_out(browser: Browser, plain: Path, look: dict[str, Any]) -> None:
    await _shuts_nobody_out(browser, plain, look)


async def test_nobody_is_shut_out_on_a_phone_with_charts(browser: Browser, written: Path) -> None:
    await _shuts_nobody_out(browser, written, {"viewport": PHONE})


async def _shuts_nobody_out(browser: Browser, path: Path, look: dict[str, Any]) -> None:
    found, said = await opened(browser, path, **look)
    await found.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert await shut_out(found) == []
    assert await too_wide(found) == []
    assert said == []
    await found.close()


async def test_without_a_script_all_but_the_charts_is_there(browser: Browser, written: Path) -> None:
    found, _ = await opened(browser, written, java_script_enabled=False)
    text = await found.inner_text("body")
    for words in (
        "gives the first word soonest",
        "These numbers can be trusted.",
        "1 user",
        "Its numbers are in the table below",
        "How it was measured",
    ):
        assert words in text
    assert await found.locator(".chart-picture").count() > 0
    assert await found.locator(".chart-picture:visible").count() == 0, "no blank stands where a chart would be"
    await found.click("button.term >> nth=0")
    assert await found.locator(".word:popover-open").count() == 1
    await found.close()


async def test_numbers_and_times_are_in_the_readers_locale(browser: Browser, plain: Path) -> None:
    found, said = await opened(browser, plain, locale="de-DE")
    lede = await found.inner_text(".lede")
    assert "0,0" in lede
    assert "0.0" not in lede
    assert "2027 um 08:00 UTC" in await found.inner_text(".masthead")
    assert said == []
    await found.close()


async def test_it_is_read_by_keyboard(browser: Browser, plain: Path) -> None:
    found, _ = await opened(browser, plain, viewport=PHONE)
    await found.keyboard.press("Tab")
    assert await found.evaluate("document.activeElement.textContent") == "To the finding"
    await found.keyboard.press("Enter")
    assert await found.evaluate("document.activeElement.id") == "finding"
    table = found.locator(".scroll", has=found.locator("#table-board"))
    await table.focus()
    await found.keyboard.press("ArrowRight")
    await table.evaluate(
        "(each) => new Promise((done) => { const look = () => (each.scrollLeft > 0 ? done() : requestAnimationFrame(look)); look(); })"
    )
    term = found.locator("button.term").first
    await term.focus()
    await found.keyboard.press("Enter")
    assert await found.locator(".word:popover-open dfn").inner_text() != ""
    await found.keyboard.press("Escape")
    assert await found.locator(".word:popover-open").count() == 0
    await found.close()


async def test_charts_are_drawn_where_scripts_run(browser: Browser, written: Path) -> None:
    found, _ = await opened(browser, written)
    pictures = await found.locator(".chart-picture").count()
    assert pictures > 3
    assert await found.locator(".chart-picture .main-svg >> nth=0").count() == 1
    assert await found.evaluate("[...document.querySelectorAll('.chart-picture')].every((each) => each.querySelector('.main-svg'))")
    await found.close()


async def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile(tmp_path), "utf-8")
    found = await browser.new_page(viewport=PHONE)
    said: list[str] = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    await found.add_init_script("window.pwned = () => { window.taken = true; }")
    await found.goto(path.as_uri())
    assert await found.locator(".chart-picture .main-svg >> nth=0").count() == 1
    assert await found.locator("img").count() == 0
    assert await found.evaluate("window.taken") is None
    assert await too_wide(found) == []
    assert said == []
    await found.close()


@pytest.fixture
def broken_into(plain: Path, tmp_path: Path) -> Path:
    """The page with a script that is not its own."""
    path = tmp_path / "report.html"
    path.write_text(plain.read_text("utf-8").replace("<main", "<script>window.taken = true</script><main", 1), "utf-8")
    return path


async def test_the_policy_forbids_a_script_that_got_in_all_the_same(browser: Browser, broken_into: Path) -> None:
    found, said = await opened(browser, broken_into)
    assert await found.evaluate("window.taken") is None
    assert "Content Security Policy" in said[0]
    await found.close()
