"""Charts on a page, in a real browser without a network, and as pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.report.chart import Chart, Missing, Table
from bench.report.chromium import chromium
from bench.report.drawing import WIDTH_PX, NoBrowserError, fragment, page, pictures
from bench.report.panels import Panel, framed
from bench.report.themes import in_theme, properties
from catalogue.look import SHADES
from catalogue.look.inks import ink
from tests.waiting import PATIENCE_SECONDS

CHROMIUM = chromium()
needs_chromium = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium on the PATH")
EVIL = "</script><img src=x onerror=window.evil=1>"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def file(by_name: dict[str, Chart], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "charts.html"
    path.write_text(page([*by_name.values(), evil()], [Missing("none", "No chart", EVIL)], title=f"run {EVIL}", about="of tests"))
    return path


def evil() -> Chart:
    """A chart of a run from elsewhere, whose targets have names that no page may take for its own."""
    figure = framed([Panel(EVIL, EVIL)])
    figure.add_scatter(x=[1, 2], y=[1, 2], name=EVIL)
    return Chart("evil", EVIL, f"{EVIL} 1.", figure, Table((EVIL,), ((EVIL,),)), EVIL)


def opened(browser: Browser, file: Path, *, width: int = 1200, **options: Any) -> Page:
    """The page, drawn. Whatever it asks of a network, or complains of, fails the test."""
    found = browser.new_context(viewport={"width": width, "height": 900}, **options).new_page()
    wrong: list[str] = []
    found.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else wrong.append(request.url))
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    found.goto(file.as_uri())
    found.wait_for_function(
        "document.querySelectorAll('.chart-picture .main-svg').length >= document.querySelectorAll('.chart-picture').length",
        timeout=1000 * PATIENCE_SECONDS,
    )
    assert wrong == []
    return found


@needs_chromium
def test_every_chart_is_drawn_offline_and_no_text_becomes_a_part_of_the_page(browser: Browser, file: Path, by_name: dict[str, Chart]) -> None:
    shown = opened(browser, file)
    assert shown.locator("figure.chart").count() == len(by_name) + 1
    assert shown.locator("figure.chart:has(.main-svg)").count() == len(by_name) + 1
    assert shown.evaluate("window.evil") is None
    assert shown.locator("img").count() == 0
    assert shown.locator("h1").inner_text() == f"run {EVIL}"
    shown.context.close()


@needs_chromium
def test_colours_follow_the_reader_at_once(browser: Browser, file: Path) -> None:
    shown = opened(browser, file, color_scheme="light")
    line = "() => getComputedStyle(document.querySelector('#chart-load .scatterlayer .js-line')).stroke"
    assert shown.evaluate(line) == _rgb(SHADES["blue"].light)
    shown.emulate_media(color_scheme="dark")
    shown.wait_for_function(f"({line})() === '{_rgb(SHADES['blue'].dark)}'", timeout=1000 * PATIENCE_SECONDS)
    shown.emulate_media(media="print", color_scheme="dark")  # paper is light for everybody
    shown.wait_for_function(f"({line})() === '{_rgb(SHADES['blue'].light)}'", timeout=1000 * PATIENCE_SECONDS)
    shown.context.close()


@needs_chromium
def test_who_asks_for_contrast_gets_text_as_dark_or_light_as_ink(browser: Browser, file: Path) -> None:
    shown = opened(browser, file, color_scheme="dark", contrast="more")
    label = "getComputedStyle(document.querySelector('#chart-load .xtick text')).fill"
    assert shown.evaluate(label) == _rgb(ink("ink").dark)
    shown.context.close()


@needs_chromium
def test_a_phone_has_one_panel_below_the_other_and_nothing_beside_the_page(browser: Browser, file: Path) -> None:
    shown = opened(browser, file, width=390)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    assert len(set(_lefts(shown))) == 1
    shown.set_viewport_size({"width": 1200, "height": 900})
    shown.wait_for_function("document.querySelector('#chart-load .chart-picture').layout.xaxis2.domain[0] > 0.4", timeout=1000 * PATIENCE_SECONDS)
    assert len(set(_lefts(shown))) == 2
    shown.context.close()


@needs_chromium
def test_without_scripts_the_numbers_are_there(browser: Browser, file: Path, by_name: dict[str, Chart]) -> None:
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(file.as_uri())
    figure = shown.locator("#chart-ttft")
    assert "needs JavaScript" in figure.inner_text()
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    assert rows.count() == len(by_name["ttft"].table.rows)
    assert tuple(rows.nth(0).locator("th, td").all_inner_texts()) == by_name["ttft"].table.rows[0]
    context.close()


def test_a_picture_is_described_by_its_title_and_its_words(by_name: dict[str, Chart]) -> None:
    written = str(fragment(by_name["ttft"], heading=3))
    assert '<h3 id="chart-ttft-title">Time to first token</h3>' in written
    assert 'role="img" aria-labelledby="chart-ttft-title" aria-describedby="chart-ttft-takeaway"' in written
    assert by_name["ttft"].takeaway.split(".")[0].replace(" ", "") in re.sub(r"[\s\u00a0]", "", written)


@needs_chromium
def test_pictures_have_title_words_and_the_colours_of_their_theme(by_name: dict[str, Chart]) -> None:
    charts = [by_name["load"], by_name["radar"]]
    for picture, chart in zip(pictures(charts, "svg", "dark"), charts, strict=True):
        root = ElementTree.fromstring(picture)
        text = " ".join(root.itertext())
        assert chart.title in text
        assert chart.takeaway.split(" ")[0] in text
        assert _rgb(SHADES["blue"].dark) in picture.decode()
        assert _rgb(SHADES["blue"].light) not in picture.decode()
    (png,) = pictures([by_name["ttft"]], "png", "light")
    assert png.startswith(PNG)
    assert int.from_bytes(png[16:20], "big") == 2 * WIDTH_PX


def test_without_a_browser_pictures_say_what_to_do(by_name: dict[str, Chart], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoBrowserError, match="apt-get install chromium"):
        pictures([by_name["ttft"]], "png", "light")


def test_each_colour_of_a_figure_has_one_property_and_one_of_the_dark_theme() -> None:
    figure = framed([Panel("a", "b")])
    figure.add_scatter(x=[1], y=[1], line={"color": "#0067a8"}, fillcolor="#0067a833", text=["#0067a8 is a text"])
    dark = in_theme(figure, "dark").data[0]
    assert (dark.line.color, dark.fillcolor, list(dark.text)) == (SHADES["blue"].dark, f"{SHADES['blue'].dark}33", ["#0067a8 is a text"])
    assert properties()["#0067a8"] == "--engine-vllm"
    assert in_theme(figure, "light") is figure


def _lefts(shown: Page) -> list[int]:
    return [
        int(1000 * shown.evaluate(f"document.querySelector('#chart-load .chart-picture').layout.xaxis{n}.domain[0]")) for n in ("", "2", "3", "4")
    ]


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"
