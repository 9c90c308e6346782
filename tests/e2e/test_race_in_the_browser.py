"""A race in Chromium, on an exporter as it runs, with simulated engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.accessibility import DESKTOP, PHONE, shut_out, too_wide
from tests.exporter.pages.racing import NAMES, racing
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_answers_come_side_by_side_and_end_with_who_was_first(browser: Browser) -> None:
    from playwright.async_api import expect

    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    async with racing() as url:
        page = await browser.new_page(viewport=DESKTOP)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(url)
        await expect(page.locator("#cost")).to_contain_text("3 engines in 3 rounds")
        await page.get_by_label("Rounds").fill("2")
        await page.get_by_label("Prompt", exact=True).select_option("own")
        await page.get_by_label("Your own prompt").fill("Why <img src=x> me?")
        await expect(page.locator("#cost")).to_contain_text("3 engines in 2 rounds")
        assert await shut_out(page) == []
        await page.get_by_role("button", name="Race").click()
        await expect(page.locator("#asked")).to_have_text("Why <img src=x> me?")
        await expect(page.locator(".lane [data-of=ttft]").first).to_contain_text("~")  # while it comes
        await expect(page.locator("#result")).to_contain_text("After 2 rounds")
        await expect(page.get_by_role("button", name="Race")).to_be_enabled()
        assert all(len(text) > 40 for text in await page.locator(".lane [data-of=text]").all_inner_texts())
        assert await page.locator("#result tbody tr").count() == len(NAMES)
        assert (await shut_out(page), await too_wide(page)) == ([], [])
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size(PHONE)
        assert (await shut_out(page), await too_wide(page)) == ([], [])
        assert said == []
        await page.close()


async def test_without_scripts_it_ends_with_the_result(browser: Browser) -> None:
    async with racing() as url:
        context = await browser.new_context(java_script_enabled=False)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_label("Rounds").fill("1")
        await page.get_by_role("button", name="Race").click()
        await page.get_by_role("heading", name="After 1 round").wait_for()
        assert await page.locator(".lane").count() == len(NAMES)
        await context.close()
