"""Pictures of a report, as a browser shows it: `python -m tests.report_pictures [--run RUN] [--output docs/images]`.

Without a run they are of computed engines, whose numbers are the same on every machine, and whose name says what they are.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from playwright.async_api import Browser

from bench.report.cost import read_price
from bench.report.document import document
from bench.report.embedding import embedded
from bench.report.page import page
from bench.report.seen import see
from bench.results.listing import find_run
from bench.results.reading import Run
from tests.accessibility import DESKTOP, PHONE, browsing
from tests.bench.report.computed import Plan, computed_run

FOLDER = Path(__file__).parents[1] / "docs/images"
A4 = {"width": 794, "height": 1123}
"""At 96 pixels an inch."""
PICTURES: Mapping[str, Mapping[str, Any]] = {
    "report-desktop": {"viewport": {**DESKTOP, "height": 1150}},
    "report-dark": {"viewport": {**DESKTOP, "height": 1150}, "color_scheme": "dark"},
    "report-phone": {"viewport": {**PHONE, "height": 1500}},
    "report-print": {"viewport": A4},
}


@click.command()
@click.option("--run", metavar="RUN", help="A run's folder; left out: computed engines.")
@click.option("--output", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def main(run: str | None, output: Path) -> None:
    """Write a PNG of the report on a desktop, in the dark, on a phone and on paper."""
    with tempfile.TemporaryDirectory() as folder:
        found = find_run(Path("results"), run) if run else _computed(Path(folder))
        seen = see(found)
        prices = [read_price(f"{target}=1x1.99USD") for target in seen.summary.targets]
        path = Path(folder) / "report.html"
        path.write_text(page(document(seen, prices), embedded(seen)), "utf-8")
        output.mkdir(parents=True, exist_ok=True)
        asyncio.run(_draw(path, output))


def _computed(folder: Path) -> Run:
    return computed_run(folder, Plan(name="computed-engines", model="computed engines", users=(1, 4, 16), rounds=8, chats=10, tokens=64))


async def _draw(path: Path, output: Path) -> None:
    async with browsing() as browser:
        for name, look in PICTURES.items():
            await _picture(browser, path, output / f"{name}.png", look)
            click.echo(f"{output / name}.png drawn")


async def _picture(browser: Browser, path: Path, picture: Path, look: Mapping[str, Any]) -> None:
    found = await browser.new_page(**look)
    await found.goto(path.as_uri())
    if look["viewport"] == A4:
        await found.emulate_media(media="print")
        await found.add_style_tag(content="body { padding: 17mm 15mm; }")  # what @page gives to paper
    await found.screenshot(path=picture)
    await found.close()


if __name__ == "__main__":
    main()
