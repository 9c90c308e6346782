"""Pictures of the exporter's pages, by Chromium: `python -m tests.page_pictures [--output FOLDER]`.

What they show is played from a script: six hours of chats, in a few seconds. The first of them is for the README.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probes.failure import Reason
from tests.accessibility import DESKTOP, PHONE, browsing
from tests.exporter.pages.racing import racing
from tests.exporter.pages.stage import Stage, StageClock, breaks, many, three
from traffic.events import Breaker

if TYPE_CHECKING:
    from playwright.async_api import Browser, ViewportSize

FOLDER = Path(__file__).parents[1] / "docs/images"
WALL: ViewportSize = {"width": 1920, "height": 1080}
HOURS = 6.0
LARGEST_BYTES = 300_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: of which page, on which screen."""

    name: str
    path: str
    screen: ViewportSize
    dark: bool = False
    scripts: bool = True
    whole: bool = False


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def main(output: Path) -> None:
    """Write a PNG of each page."""
    output.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(output))


async def draw(output: Path) -> None:
    async with browsing() as browser:
        for play, shots in SHOTS.items():
            await take(browser, play(), output, *shots)
        await take_race(browser, output / "page-race.png")


async def take_race(browser: Browser, path: Path) -> None:
    """A race in its second round."""
    async with racing() as url:
        page = await browser.new_page(viewport=DESKTOP, reduced_motion="reduce")
        await page.goto(url)
        await page.get_by_role("button", name="Race").click()
        await page.get_by_text("Round 2 of 3").wait_for()
        await page.locator(".lane [data-of=state]", has_text="fastest").wait_for()
        await page.screenshot(path=path, full_page=True)
        await page.close()
    _check_size(path)


async def take(browser: Browser, stage: Stage, output: Path, *shots: Shot) -> None:
    async with stage.listening() as address:
        for shot in shots:
            context = await browser.new_context(
                viewport=shot.screen, color_scheme="dark" if shot.dark else "light", java_script_enabled=shot.scripts, reduced_motion="reduce"
            )
            page = await context.new_page()
            await page.goto(f"http://{address}{shot.path}")
            if shot.scripts:
                await page.get_by_text("live", exact=True).wait_for()
            if shot.name == "failure":
                await page.locator("#failures details").first.locator("summary").click()
            path = output / f"page-{shot.name}.png"
            await page.screenshot(path=path, full_page=shot.whole)
            await context.close()
            _check_size(path)


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    click.echo(f"{path} drawn, {size:,} bytes")
    assert size <= LARGEST_BYTES, "too large for the repository"


def _clock(seconds: float) -> StageClock:
    """So that the script ends about now: the browser's clock is another."""
    return StageClock(began=time.time() - seconds)


def well() -> Stage:
    """Three engines, hours of chats, a failure here and there."""
    stage = three(_clock(HOURS * 3600))
    stage.play(HOURS * 3600, 10, lambda name: Reason.STALLED if name == "ollama" and stage.chance(0.0015) else None)
    return stage


def down() -> Stage:
    """TGI has died some minutes ago."""
    stage = three(_clock(HOURS * 3600))
    stage.play(HOURS * 3600 - 400, 10, lambda name: Reason.OVERLOADED if name == "tgi" and stage.chance(0.002) else None)
    breaks(stage, "tgi", seconds=400)
    return stage


def crowd() -> Stage:
    """Two hundred targets, some of which are in trouble."""
    stage = many(200, _clock(2 * 3600))
    dead, shaky = {"billing/tgi-036", "research/vllm-063"}, {"assist/ollama-065", "support/sglang-024"}
    names = stage.scene.standing.stands
    stage.play(2 * 3600 - 600, 120)
    stage.play(600, 60, lambda name: _fate(stage, name, dead, shaky))
    for name in dead & names.keys():
        stage.tell(Breaker(name, open=True))
    return stage


def _fate(stage: Stage, name: str, dead: set[str], shaky: set[str]) -> Reason | None:
    if name in dead:
        return Reason.CONNECT
    return Reason.TRUNCATED if name in shaky and stage.chance(0.4) else None


def first_seconds() -> Stage:
    """It has begun a moment ago."""
    stage = three(_clock(3))
    stage.clock.pass_by(3)
    stage.tell(stage.chats("vllm", "chat"))
    return stage


SHOTS: dict[Callable[[], Stage], tuple[Shot, ...]] = {
    well: (
        Shot("well", "/", DESKTOP),
        Shot("well-phone", "/", PHONE, dark=True),
        Shot("wall", "/?kiosk", WALL, dark=True),
        Shot("target", "/targets/vllm", DESKTOP),
    ),
    down: (
        Shot("down", "/", DESKTOP),
        Shot("down-dark", "/", DESKTOP, dark=True),
        Shot("down-wall", "/?kiosk", WALL),
        Shot("failure", "/targets/tgi", DESKTOP),
        Shot("target-phone", "/targets/tgi", PHONE),
        Shot("alerts", "/alerts", DESKTOP),
        Shot("no-javascript", "/", DESKTOP, scripts=False),
    ),
    crowd: (
        Shot("many", "/", DESKTOP),
        Shot("many-phone", "/", PHONE),
        Shot("many-wall", "/?kiosk", WALL, dark=True),
    ),
    first_seconds: (Shot("begun", "/", DESKTOP),),
}

if __name__ == "__main__":
    main()
