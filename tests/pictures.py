"""Pictures of the dashboards, drawn from real answers: `python -m tests.pictures [--url PROMETHEUS] [--minutes 5]`.

They are for eyes that have no Grafana at hand, and for the README. Lines and single numbers are drawn, on the dashboard's grid and in its colours;
other panels are a box with their values. Without a URL it starts the demo that the tests look at, and waits until there is something to see.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import click
import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.filling import filled
from dashboards.dash.render import as_json
from dashboards.lint.page import Page, Panel, Target
from tests.dashboards.asking import Prometheus, Series, Span, everything, texts
from tests.dashboards.demo import demo, warmed_up

DAY = 86400
FOLDER = Path(__file__).parents[1] / "docs/images"
CELL_WIDTH, CELL_HEIGHT, MARGIN = 0.62, 0.34, 0.35
"""Of Grafana's grid, in inches."""
COLOURS = {"blue": "#3b7dd8", "green": "#56a64b", "orange": "#f2811d", "red": "#e02f44", "yellow": "#e0b400", "purple": "#a352cc", "text": "#222222"}
PALETTE = ("#56a64b", "#e0b400", "#3b7dd8", "#f2811d", "#e02f44", "#a352cc", "#37a2a2", "#8e8e8e")
Answers = list[tuple[Target, list[Series]]]


@click.command()
@click.option("--url", help="A Prometheus that has scraped chatprobe; without one, the demo is started.")
@click.option("--minutes", type=float, default=4.0, show_default=True, help="How much is shown.")
@click.option("--output", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def main(url: str | None, minutes: float, output: Path) -> None:
    """Write a PNG of each dashboard."""
    asyncio.run(draw(url, minutes * 60, output))


async def draw(url: str | None, seconds: float, output: Path) -> None:
    async with AsyncExitStack() as stack:
        if url is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            prometheus = (await stack.enter_async_context(demo(folder))).prometheus
            await warmed_up(prometheus, seconds)
        else:
            prometheus = Prometheus(url, await stack.enter_async_context(aiohttp.ClientSession()))
        end = await prometheus.now()
        for board in BOARDS:
            answers = await asked(board, prometheus, Span(end - seconds, end, max(3.0, seconds // 150)))
            path = output / f"{board.uid}.png"
            picture(board, answers, path)
            click.echo(f"{path} drawn")


async def asked(board: Board, prometheus: Prometheus, span: Span) -> dict[str, Answers]:
    """What each panel has, by its title."""
    page = Page(as_json(board))
    values = everything(page)
    return {panel.title: [(target, await prometheus.target(target, values, span)) for target in panel.targets] for panel in page.panels}


def picture(board: Board, answers: dict[str, Answers], path: Path) -> None:
    page = Page(as_json(board))
    lines = max(raw["gridPos"]["y"] + raw["gridPos"]["h"] for raw in page.raw["panels"])
    width, height = 24 * CELL_WIDTH, lines * CELL_HEIGHT + MARGIN
    figure = plt.figure(figsize=(width, height), facecolor="#f4f5f5")
    figure.text(0.008, 1 - 0.22 / height, board.title, fontsize=11, weight="bold", va="center")
    times = [at for drawn in answers.values() for _, found in drawn for each in found for at, _ in each.values]
    for raw in (raw for raw in page.raw["panels"] if raw["type"] == "row"):
        place = "▸ {} (collapsed)" if raw["collapsed"] else "▾ {}"
        y = 1 - (MARGIN + (raw["gridPos"]["y"] + 0.6) * CELL_HEIGHT) / height
        figure.text(0.008, y, place.format(raw["title"]), fontsize=9, weight="bold", va="center")
    for panel in (Panel(raw) for raw in page.raw["panels"] if raw["type"] != "row"):
        grid = panel.raw["gridPos"]
        bottom = 1 - (MARGIN + (grid["y"] + grid["h"]) * CELL_HEIGHT) / height
        box = (grid["x"] / 24 + 0.003, bottom + 0.08 / height, grid["w"] / 24 - 0.006, grid["h"] * CELL_HEIGHT / height - 0.14 / height)
        frame = figure.add_axes(box, facecolor="white", xticks=[], yticks=[])
        frame.spines[:].set_color("#d8d9da")
        name = filled(panel.title, page.chosen, texts(page))
        frame.text(0.01, 1 - 0.13 / (grid["h"] * CELL_HEIGHT), name, fontsize=7.5, weight="bold", va="center", clip_on=True)
        drawn = answers[panel.title]
        if panel.kind == "timeseries" and any(series for _, series in drawn):
            inner = frame.inset_axes((0.4 / (grid["w"] * CELL_WIDTH), 0.24, 1 - 0.5 / (grid["w"] * CELL_WIDTH), 0.6))
            time_series(inner, panel, drawn, (min(times), max(times)))
        elif panel.kind == "stat":
            stat(frame, panel, drawn)
        else:
            values(frame, panel, drawn, lines=round(grid["h"] * CELL_HEIGHT / 0.15) - 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=75, metadata={"Software": None})
    plt.close(figure)


def time_series(axes: Axes, panel: Panel, answers: Answers, between: tuple[float, float]) -> None:
    custom = panel.defaults["custom"]
    bottom: dict[float, float] = {}
    step = min((b[0] - a[0] for _, found in answers for each in found for a, b in pairwise(each.values)), default=2.0)
    for place, (name, series) in enumerate((legend(target, series), series) for target, found in answers for series in found):
        colour, dashed = styled(panel, name, place)
        times = [at / DAY for at, _ in series.values]
        below = [bottom.get(at, 0.0) if custom["stacking"]["mode"] != "none" else 0.0 for at, _ in series.values]
        numbers = [value + low for (_, value), low in zip(series.values, below, strict=True)]
        if custom["drawStyle"] == "bars":
            axes.bar(times, [top - low for top, low in zip(numbers, below, strict=True)], step / DAY, below, color=colour, label=name)
        else:
            axes.plot(times, numbers, "." if len(times) == 1 else "--" if dashed else "-", color=colour, linewidth=1, label=name)
            axes.fill_between(times, below, numbers, color=colour, linewidth=0, alpha=custom["fillOpacity"] / 100)
        bottom |= dict(zip((at for at, _ in series.values), numbers, strict=True))
    axes.set_xlim(between[0] / DAY, between[1] / DAY)
    axes.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=6))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(lambda value, _: number(value, panel.defaults["unit"]))
    axes.set_ylim(bottom=panel.defaults.get("min"), top=panel.defaults.get("max"))
    axes.tick_params(labelsize=6, length=2)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=5.5, ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.12), frameon=False, handlelength=1, columnspacing=1)


def stat(axes: Axes, panel: Panel, answers: Answers) -> None:
    shown = [(legend(target, series), series.values[-1][1]) for target, found in answers for series in found]
    for place, (name, value) in enumerate(shown):
        x = (place + 0.5) / len(shown)
        colour = threshold(panel, value) or styled(panel, name, place)[0]
        axes.text(x, 0.48, number(value, panel.defaults["unit"]), fontsize=13, weight="bold", color=colour, ha="center", va="center")
        axes.text(x, 0.18, name, fontsize=6, ha="center", va="center")
    axes.text(0.5, 0.45, "" if shown else panel.defaults["noValue"], fontsize=9, ha="center", color="#888888")


def values(axes: Axes, panel: Panel, answers: Answers, lines: int) -> None:
    """The values at the end, one for each set of labels, whatever the panel makes of them; a text's first lines."""
    rows: dict[str, list[str]] = {}
    for target, found in answers:
        for series in found:
            name = " ".join(value for key, value in sorted(series.labels.items()) if key not in ("__name__", "job", "instance"))
            rows.setdefault(name, []).append(f"{target.raw['refId']} {number(series.values[-1][1], unit_of(panel, target))}")
    width = max((len(value) for each in rows.values() for value in each), default=0)
    text = [f"{name:<40} {'  '.join(value.ljust(width) for value in each)}" for name, each in sorted(rows.items())] or panel.raw["options"].get(
        "content", "no data"
    ).splitlines()
    axes.text(0.99, 0.97, panel.kind, fontsize=6, color="#888888", ha="right", va="top")
    axes.text(
        0.015, 0.86, "\n".join([*text[:lines], *(["…"] if len(text) > lines else [])]), fontsize=7.5, va="top", family="monospace", clip_on=True
    )


def unit_of(panel: Panel, target: Target) -> str:
    """Of a query's values: a heatmap's unit is that of its buckets, a table's column may have its own."""
    steps = [step["options"]["renameByName"] for step in panel.raw.get("transformations", []) if step["id"] == "organize"]
    titles = [names.get(f"Value #{target.raw['refId']}") for names in steps]
    own = [one["properties"] for one in panel.raw["fieldConfig"]["overrides"] if one["matcher"]["options"] in titles]
    units = [each["value"] for properties in own for each in properties if each["id"] == "unit"]
    return "cps" if panel.kind == "heatmap" else str([panel.defaults["unit"], *units][-1])


def legend(target: Target, series: Series) -> str:
    form = target.raw["legendFormat"]
    automatic = " ".join(series.labels.values()) or "value"
    return automatic if form == "__auto" else re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: series.labels.get(found[1], ""), form)


def styled(panel: Panel, name: str, place: int) -> tuple[str, bool]:
    """The colour that an override has for the series, or that of its place; and whether it is dashed."""
    colour, dashed = PALETTE[place % len(PALETTE)], False
    for override in panel.raw["fieldConfig"]["overrides"]:
        pattern = override["matcher"]["options"]
        by_regex = override["matcher"]["id"] == "byRegexp"
        if (by_regex and re.search(pattern.strip("/"), name)) or (override["matcher"]["id"] == "byName" and pattern == name):
            given: dict[str, Any] = {each["id"]: each["value"] for each in override["properties"]}
            wanted = given.get("color", {}).get("fixedColor", colour)
            colour = COLOURS.get(wanted, wanted)
            dashed = "custom.lineStyle" in given or dashed
    return colour, dashed


def threshold(panel: Panel, value: float) -> str | None:
    colours = [step["color"] for step in panel.defaults["thresholds"]["steps"] if value >= step.get("value", float("-inf"))]
    return COLOURS.get(colours[-1], colours[-1]) if len(panel.defaults["thresholds"]["steps"]) > 1 else None


def number(value: float, unit: str) -> str:
    scale, name = {"percentunit": (100, " %"), "s": (1000, " ms") if 0 < abs(value) < 1 else (1, " s")}.get(unit, (1, ""))
    return f"{value * scale:.4g}{name}"


if __name__ == "__main__":
    main()
