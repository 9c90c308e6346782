"""Charts as HTML, which needs nothing else and no network, and as pictures, which Chromium draws through kaleido."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from textwrap import wrap
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from bench.report.chart import Chart, Missing
from bench.report.chromium import chromium
from bench.report.themes import Theme, in_theme, properties
from catalogue.look import stylesheet
from catalogue.look.inks import ink

Form = Literal["png", "svg"]
WIDTH_PX, PIXELS_EACH = 1000, 2
"""Of a picture: its width, and how many pixels of a PNG one of these is."""
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|tokens/s|users?|times)(?!\w))")
_LINE_CHARACTERS, _LINE_PX, _TITLE_PX, _EDGE_PX = 130, 19, 44, 24


class NoBrowserError(Exception):
    """No Chromium was found. What is wrong, and what to do."""

    def __init__(self) -> None:
        super().__init__(
            "pictures are drawn by Chromium, and there is none on the PATH; install it (Debian: apt-get install chromium), or write --format html"
        )


def page(charts: Sequence[Chart], missing: Sequence[Missing], *, title: str, about: str, theme: Theme | None = None) -> str:
    """One page with all of them, that opens offline. Without a theme it follows the reader's setting."""
    template = _templates().get_template("charts.html")
    return template.render(
        title=title,
        about=about,
        theme=theme,
        style=Markup(stylesheet() + style()),
        library=Markup(library()),
        script=Markup(script()),
        charts=[fragment(chart) for chart in charts],
        missing=missing,
    )


def fragment(chart: Chart, heading: int = 2) -> Markup:
    """One chart for a page that has `style()`, `library()` and `script()`: its title, its words, its picture, its table."""
    template = _templates().get_template("chart.html")
    return Markup(template.render(chart=chart, heading=heading, figure=Markup(_json(chart.figure))))


@cache
def library() -> str:
    """Plotly's own script, about 5 MB: once a page."""
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def script() -> str:
    """What draws the fragments of a page, in the colours of its stylesheet, and anew where these or its width change."""
    return _file("drawing.js").replace("/* colours */", json.dumps(properties()))


def style() -> str:
    """The stylesheet of fragments, to stand behind `catalogue.look.stylesheet()`."""
    return _file("drawing.css")


def pictures(charts: Sequence[Chart], form: Form, theme: Theme) -> list[bytes]:
    """A picture of each, with its title and its words above it. Blocks for some seconds. Raises `NoBrowserError`."""
    drawing = _pictures(_browser(), [_poster(chart, theme) for chart in charts], form)
    with ThreadPoolExecutor(1) as beside:  # a notebook's own thread has an event loop already
        return beside.submit(asyncio.run, drawing).result()


async def _pictures(browser_path: str, posters: Sequence[Figure], form: Form) -> list[bytes]:
    from kaleido import Kaleido

    size = {"format": form, "width": WIDTH_PX, "scale": PIXELS_EACH if form == "png" else 1}
    async with Kaleido(path=browser_path) as browser:
        return [await browser.calc_fig(poster, opts={**size, "height": poster.layout.height}) for poster in posters]


def _browser() -> str:
    found = chromium()
    if found is None:
        raise NoBrowserError
    return found


def _poster(chart: Chart, theme: Theme) -> Figure:
    """The figure with its words above it, on paper of the theme."""
    lines = wrap(_unbroken(chart.takeaway), _LINE_CHARACTERS)
    room = _TITLE_PX + _LINE_PX * len(lines) + _EDGE_PX
    figure = Figure(chart.figure)
    top = figure.layout.margin.t + room
    height = figure.layout.height + room
    figure.update_layout(
        height=height,
        margin={"t": top, "l": figure.layout.margin.l + 12, "r": figure.layout.margin.r + 12},
        paper_bgcolor=ink("surface").light,
        title={
            "text": f"<b>{_plain(chart.title)}</b>",
            "x": _EDGE_PX / WIDTH_PX,
            "xanchor": "left",
            "y": 1 - _EDGE_PX / height,
            "yanchor": "top",
            "yref": "container",
            "font": {"size": 20},
            "subtitle": {"text": "<br>".join(map(_plain, lines)), "font": {"size": 14, "color": ink("ink-soft").light}},
        },
        legend={"y": 1 - (room + 4) / height},
    )
    return in_theme(figure, theme)


def _unbroken(text: str) -> str:
    """With a number and its unit on one line."""
    return _UNIT.sub("\u00a0", text)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _json(figure: Figure) -> str:
    """As it may stand in a page: no text in it can end its element."""
    return str(figure.to_json()).replace("<", "\\u003c")


def _file(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


@cache
def _templates() -> Environment:
    loader: Any = PackageLoader("bench.report")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters["unbroken"] = _unbroken
    return found
