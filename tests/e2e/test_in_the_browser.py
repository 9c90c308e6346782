"""Somebody looks: from the page that shows an engine in trouble to what to do about it, in Chromium, on an exporter as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from config.reader import parse
from exporter.exporting import exporting
from exporter.native.drops import DropReason, LeftOut
from probes.failure import Reason
from simulator import ENGINES, Latency, Options, simulated
from tests.accessibility import DESKTOP, PHONE, shut_out, too_wide
from tests.exporter.pages.stage import Stage, StageClock, breaks, many, three
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE_MS = PATIENCE_SECONDS * 1000
WALL: ViewportSize = {"width": 1920, "height": 1080}
CONFIGURATION = """
web: {{listen: "127.0.0.1:0"}}
targets:
  vllm: {{backend: vllm, url: "{vllm}"}}
  tgi: {{backend: tgi, url: "{tgi}"}}
  ollama: {{backend: ollama, url: "{ollama}"}}
scenarios:
  chat: {{every: 1s, max_tokens: 8, pair: true}}
slos:
  quick: {{scenario: chat, ttft: 500ms, objective: 99%, window: 30d}}
"""


@asynccontextmanager
async def opened(browser: Browser, url: str, screen: ViewportSize = DESKTOP, *, scripts: bool = True) -> AsyncIterator[Page]:
    """The page, in a window of its own; nothing may be in its console."""
    context = await browser.new_context(viewport=screen, java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(url)
    yield page
    await context.close()
    assert said == []


async def test_from_the_page_to_what_to_do(browser: Browser) -> None:
    from playwright.async_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    async with AsyncExitStack() as stack:
        latency = Latency(first_token_seconds=0.02, decode_seconds=0.004)
        options = Options(latency=latency, seed=1, loaded=True)
        engines = {name: await stack.enter_async_context(simulated(name, options)) for name in ENGINES}
        config = parse(CONFIGURATION.format(**{name: engines[name].url for name in ("vllm", "tgi", "ollama")})).config
        exporter = await stack.enter_async_context(exporting(config, grace_seconds=1.0))
        page = await stack.enter_async_context(opened(browser, f"http://{exporter.address}/"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("All is well.")
        await expect(page.locator("#live")).to_have_text("live")
        await expect(page.get_by_text("Who wins")).to_be_visible()

        engines["tgi"].faults.add("server-error")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("tgi")  # by itself, nobody reads the page anew
        await page.get_by_role("link", name="See why").click()
        await expect(page).to_have_url(f"http://{exporter.address}/targets/tgi")
        newest = page.locator("#failures details").first
        kept = await newest.get_attribute("id")
        failure = page.locator(f"[id='{kept}']")
        await failure.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(failure.get_by_role("heading", name="What it can be, and what to do")).to_be_visible()
        await expect(failure).to_contain_text("Its process is dying or out of GPU memory.")
        await expect(newest).not_to_have_id(kept or "")  # others have come meanwhile
        await expect(failure).to_have_attribute("open", "")  # and what one reads stays open
        assert await page.evaluate("document.activeElement.closest('details')?.id") == kept

        engines["tgi"].faults.clear()
        await page.get_by_role("link", name="All targets").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("All is well.")
        for name in ("Scenarios", "Alerts", "Discovery", "Configuration", "Health"):
            await page.get_by_role("navigation").get_by_role("link", name=name).click()
            await expect(page.get_by_role("heading", level=1)).to_contain_text(name)
            await expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_have_attribute("aria-current", "page")


async def test_an_open_page_outlives_a_restart(browser: Browser) -> None:
    from playwright.async_api import expect

    stage = three()
    stage.play(60, 10)
    async with AsyncExitStack() as stack:
        async with stage.listening() as address:
            page = await stack.enter_async_context(quietly(browser, f"http://{address}/"))
            await expect(page.locator("#live")).to_have_text("live", timeout=PATIENCE_MS)
        await expect(page.locator("#live")).to_have_text("not live, trying again", timeout=PATIENCE_MS)
        breaks(stage, "vllm")
        again = Stage(stage.config, StageClock(stage.clock.epoch_seconds()))
        breaks(again, "vllm")
        async with again.listening(address.port):
            await expect(page.get_by_role("heading", level=1)).to_have_text("vllm answers no chat.", timeout=PATIENCE_MS)


@asynccontextmanager
async def quietly(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page whose console says that its server is away."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    yield page
    await context.close()


async def test_two_hundred_targets_are_found_by_typing(browser: Browser) -> None:
    from playwright.async_api import expect

    stage = many(200)
    stage.play(120, 60)
    async with stage.listening() as address, opened(browser, f"http://{address}/") as page:
        await expect(page.locator("#found")).to_have_text("200 targets")
        await page.keyboard.press("/")
        await page.keyboard.type("billing gemma")
        await expect(page.locator("#found")).not_to_have_text("200 targets")
        assert all("billing" in name for name in await page.locator("table.targets tr[data-find]:visible th").all_inner_texts())
        assert page.url.endswith("?q=billing+gemma")
        await page.reload()
        await expect(page.locator("#find")).to_have_value("billing gemma")
        await page.locator("#find").fill("")
        await expect(page.locator("#found")).to_have_text("200 targets")


async def test_without_scripts_the_page_is_whole_and_can_be_searched(browser: Browser) -> None:
    stage = many(200)
    stage.play(120, 60)
    async with stage.listening() as address, opened(browser, f"http://{address}/", scripts=False) as page:
        assert await page.locator("table.targets tr[data-find]").count() == 200
        await page.locator("#find").fill("billing")
        await page.get_by_role("button", name="Show").click()
        assert await page.locator("table.targets tr[data-find]").count() == 40
        await page.locator("table.targets a").first.click()
        assert await page.get_by_role("heading", name="Last chats").is_visible()
        await page.locator("#chats details summary").first.click()
        assert await page.get_by_text("Request", exact=True).first.is_visible()


async def test_the_pages_shut_nobody_out_and_fit_every_screen(browser: Browser) -> None:
    stage = three()
    stage.play(1800, 30)
    breaks(stage, "tgi")
    long = "a-name-that-has-no-end/" * 9
    stage.tell(stage.failures("tgi", "chat", Reason.PROTOCOL, "x" * 400, request_id="f" * 200, prompt_id=long, model=long))
    stage.metrics.own.not_configured()
    for lost in range(40):
        stage.metrics.relay.serve("tgi", "tgi", long, [], [LeftOut("lost", DropReason.BUDGET, lost)])
        stage.clock.pass_by(30)
        stage.scene.alarms.sample()
    async with stage.listening() as address:
        for path in ("/", "/targets/tgi", "/targets/vllm", "/scenarios", "/alerts", "/discovery", "/configuration", "/health", "/?kiosk"):
            async with opened(browser, f"http://{address}{path}") as page:
                await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
                assert (path, await shut_out(page), await too_wide(page)) == (path, [], [])
                await page.emulate_media(color_scheme="dark")
                await page.set_viewport_size(PHONE)
                assert (path, await shut_out(page), await too_wide(page)) == (path, [], [])


async def test_many_targets_shut_nobody_out_either(browser: Browser) -> None:
    stage = many(30)
    stage.play(120, 60)
    stage.play(240, 60, lambda name: Reason.CONNECT if name.endswith("7") else None)
    async with stage.listening() as address:
        for path, screen in (("/", DESKTOP), ("/", PHONE), ("/?kiosk", WALL)):
            async with opened(browser, f"http://{address}{path}", screen) as page:
                assert (path, await shut_out(page), await too_wide(page)) == (path, [], [])
