"""What the dashboards of the engines have in common: lines and stacks, client beside engine, facts of targets, scraping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from alerts import recordings
from alerts.histograms import LE
from catalogue import own
from catalogue.metric import BACKEND, MODEL, REPLICA, TARGET, Metric
from catalogue.own import REASON
from catalogue.uids import Dashboard
from dashboards import engines
from dashboards.dash.colours import QUANTILES, Colour
from dashboards.dash.links import Link, label
from dashboards.dash.overrides import Override, matching
from dashboards.dash.panels import Column, Heatmap, Stack, Stat, StateTimeline, Table, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import Thresholds, ValueText
from dashboards.engine_queries import level, own_quantile, renamed
from dashboards.promql import BY_TARGET, equals, heat, joined, mean, quantile, rate, select

NAME = engines.LEGEND
"""The legend where there is one line for each target, in its engine's colour; where there are several, each says behind a colon what it is."""
_OF_LINE = ((TARGET, label(TARGET)), (BACKEND, label(BACKEND)))
TO_WHY = Link("Why: engine against client", Dashboard.WHY, _OF_LINE)
TO_LATENCY = Link("Latency of this target", Dashboard.LATENCY, _OF_LINE)

OF_QUANTILES = tuple(Override(matching(f": {name}$"), shades=colour) for name, colour in QUANTILES.items())
_PHASES = {
    "load": Colour.PURPLE,
    "validation": Colour.GREY,
    "queue": Colour.RED,
    "prefill": Colour.YELLOW,
    "decode": Colour.BLUE,
    "inference": Colour.BLUE,
}
OF_PHASES = tuple(Override(matching(f"^{name}$"), colour=colour) for name, colour in _PHASES.items())
_MEASURES = {
    "first token": Colour.YELLOW,
    "between tokens": Colour.PURPLE,
    "whole request": Colour.TEXT,
    "inference": Colour.BLUE,
    "queue": Colour.RED,
    "prefill": Colour.GREY,
}
OF_MEASURES = tuple(Override(matching(f": {name}$"), shades=colour) for name, colour in _MEASURES.items())
OF_NATIVE_HISTOGRAMS = "Of native histograms, which do not tell their buckets: 0, 50 or 95 % at least."
"""What is known of the share in the lowest bucket (`first_bucket`)."""
DASHED_ENGINE = Override(matching(": engine$"), dashed=True)
"""Where client and engine are shown together, the engine's lines are dashed."""


def lines(
    title: str,
    description: str,
    unit: Unit,
    queries: Mapping[str, str],
    *,
    overrides: tuple[Override, ...] = (),
    width: int = 8,
    may_be_empty: str = "",
    links: tuple[Link, ...] = (TO_WHY,),
) -> TimeSeries:
    """Lines from 0 upwards, a query for each legend; shades of their engine's colour where `overrides` say nothing else.

    `links` are those of a line that is clicked.
    """
    return TimeSeries(
        title=title,
        description=description,
        unit=unit,
        width=width,
        lowest=0,
        queries=tuple(Query(expr, legend) for legend, expr in queries.items()),
        overrides=(*engines.COLOURS, *overrides),
        value_links=links,
        may_be_empty=may_be_empty,
    )


def stacked(
    title: str,
    description: str,
    unit: Unit,
    queries: Mapping[str, str],
    *,
    overrides: tuple[Override, ...] = (),
    width: int = 8,
    may_be_empty: str = "",
    links: tuple[Link, ...] = (TO_WHY,),
) -> TimeSeries:
    """The same with areas that stand on one another, so that their top is the sum."""
    flat = lines(title, description, unit, queries, overrides=overrides, width=width, may_be_empty=may_be_empty, links=links)
    return replace(flat, stack=Stack.VALUES, fill_percent=50)


def now(title: str, description: str, unit: Unit, expr: str, *, thresholds: Thresholds | None = None, may_be_empty: str = "", width: int = 4) -> Stat:
    """A number for each target, with its way there behind it."""
    return Stat(
        title=title,
        description=description,
        unit=unit,
        width=width,
        height=4,
        queries=(Query(expr, NAME),),
        thresholds=thresholds,
        value_links=(TO_WHY,),
        may_be_empty=may_be_empty,
    )


def phases(title: str, description: str, parts: Mapping[str, str], *, width: int = 8, may_be_empty: str = "") -> TimeSeries:
    """Means of a request's phases on one another, by what `_PHASES` calls them; of targets `TOGETHER`."""
    return stacked(
        title,
        f"{description} All chosen targets together; choose one to see it alone.",
        Unit.SECONDS,
        parts,
        overrides=OF_PHASES,
        width=width,
        may_be_empty=may_be_empty,
        links=(),
    )


def of_engine(title: str, description: str, unit: Unit, histogram: Metric, *before: Metric, may_be_empty: str = "") -> TimeSeries:
    """Quantiles over the engine's own buckets, and the mean, which needs none; of the names that it had `before` too."""
    quantiles = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}
    return lines(
        title,
        f"{description} The mean is exact; quantiles are as good as the engine's own buckets are narrow there, and missing in the lowest of them.",
        unit,
        {f"{NAME}: {name}": renamed(partial(own_quantile, q), histogram, *before) for name, q in quantiles.items()}
        | {f"{NAME}: mean": renamed(mean, histogram, *before)},
        overrides=OF_QUANTILES,
        may_be_empty=may_be_empty,
    )


def spread(title: str, description: str, unit: Unit, histogram: Metric, scheme: str, *where: str, may_be_empty: str = "") -> Heatmap:
    """How often which values were, from a histogram's buckets."""
    return Heatmap(
        title=title,
        description=f"{description} Two bands mean two kinds of requests. Choose one target: the buckets of several need not be the same.",
        unit=unit,
        queries=(Query(heat(histogram, *where), f"{{{{{LE}}}}}"),),
        scheme=scheme,
        may_be_empty=may_be_empty,
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """How an engine's own account of a chat is set beside the client's: the engine's means, and what they leave out."""

    backend: str
    first_token: str
    first_token_is: str
    between_tokens: str
    whole: str


_CLIENT, _ENGINE = f"{NAME}: client", f"{NAME}: engine"
_OTHERS = "The engine's mean is of all its clients, so that the two differ where others ask for more."


def beside(sides: Sides) -> tuple[TimeSeries, ...]:
    """Client and engine in one panel each: the client's numbers are of chatprobe's chats alone."""
    where = equals(BACKEND, sides.backend)
    ok = equals(own.OUTCOME, own.OUTCOMES[0])
    return (
        lines(
            "Time to first token: client and engine, mean",
            f"Solid: what chatprobe's chats waited; dashed: {sides.first_token_is}. Far apart: the time goes before or behind the engine. {_OTHERS}",
            Unit.SECONDS,
            {_CLIENT: mean(own.TTFT, where), _ENGINE: sides.first_token},
            overrides=(DASHED_ENGINE,),
        ),
        between_tokens(sides.backend, sides.between_tokens),
        lines(
            "Whole requests: client and engine, mean",
            f"Solid: chatprobe's chats that succeeded, connecting included; dashed: what the engine says. {_OTHERS}",
            Unit.SECONDS,
            {_CLIENT: mean(own.E2E, where, ok), _ENGINE: sides.whole},
            overrides=(DASHED_ENGINE,),
        ),
    )


def between_tokens(backend: str, engine: str) -> TimeSeries:
    """Client and engine between tokens; `engine` is the engine's mean."""
    return lines(
        "Between tokens: client and engine, mean",
        f"Solid: what chatprobe's chats saw between tokens; dashed: what the engine says. Far apart: something on the way holds "
        f"tokens back. {_OTHERS}",
        Unit.SECONDS,
        {_CLIENT: mean(own.ITL, equals(BACKEND, backend)), _ENGINE: engine},
        overrides=(DASHED_ENGINE,),
    )


def felt(backend: str) -> TimeSeries:
    """What users of one engine wait, from the recorded buckets."""
    return lines(
        "Time to first token as a client sees it",
        "Quantiles of chatprobe's own chats of the chosen scenarios, which its alerts are about: compare what the engine says of itself with it.",
        Unit.SECONDS,
        {f"{NAME}: {name}": quantile(q, recordings.TTFT, equals(BACKEND, backend)) for name, q in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99"))},
        overrides=OF_QUANTILES,
        links=(TO_LATENCY, TO_WHY),
    )


def facts(backend: str) -> Table:
    """What is known of the targets of one engine."""
    where = equals(BACKEND, backend)
    shown = (TARGET, MODEL, own.SERVED_MODEL, own.BACKEND_VERSION, own.MAX_MODEL_LEN, own.URL)
    titles = ("Target", "Model", "Served model", "Version", "Longest prompt and answer, tokens", "Address")
    return Table(
        title="Targets",
        description="What each target says that it is. A new version here is the first thing to look for when numbers change at once.",
        unit=Unit.TEXT,
        width=24,
        height=5,
        queries=(Query(joined("max", select(own.TARGET_INFO, where), shown)),),
        columns=tuple(Column(source=source, title=title) for source, title in zip(shown, titles, strict=True)),
        sort="Target",
    )


def scraping(backend: str) -> tuple[StateTimeline, TimeSeries]:
    """Whether, and how, the engine's own numbers come."""
    where = equals(BACKEND, backend)
    return (
        StateTimeline(
            title="Whether the engine's own metrics come",
            description="Each process that is asked. Red, with the reason in its name: they could not be read, and panels above are empty there.",
            unit=Unit.PLAIN,
            width=12,
            queries=(Query(level(own.NATIVE_UP, where, how="min", by=(*BY_TARGET, REPLICA, REASON)), f"{NAME} {{{{{REPLICA}}}}} {{{{{REASON}}}}}"),),
            mappings=(ValueText(0, "unread", Colour.RED), ValueText(1, "read", Colour.GREEN)),
        ),
        lines(
            "How long reading them takes",
            "An engine that answers this slowly is overloaded in its own frontend. Readings end at `native.timeout`.",
            Unit.SECONDS,
            {f"{NAME} {{{{{REPLICA}}}}}": level(own.NATIVE_SCRAPE_DURATION, where, how="max", by=(*BY_TARGET, REPLICA))},
            width=12,
        ),
    )


def left_out(backend: str) -> TimeSeries:
    """What of the engine's own series is not served on."""
    of_engine = joined("max", select(own.NATIVE_UP, equals(BACKEND, backend)), (TARGET,))
    return lines(
        "Series that were left out",
        "Series of the engine that chatprobe did not serve on, a second, by process and reason. `unused_bucket`, grey: as `native.buckets` asks for. "
        "`budget`, `budget_in_all`: panels above may be empty; raise `native.series_per_replica`, `native.series_in_all`, or deny some "
        "(`native.deny`). The log has the names.",
        Unit.PER_SECOND,
        {
            f"{{{{{TARGET}}}}} {{{{{REPLICA}}}}}: {{{{{REASON}}}}}": f"{rate(own.NATIVE_SERIES_DROPPED, by=(TARGET, REPLICA, REASON))}"
            f" and on ({TARGET}) {of_engine}"
        },
        overrides=(Override(matching("."), shades=Colour.RED), Override(matching(f": {own.UNUSED_BUCKET}$"), shades=Colour.GREY)),
        width=12,
        may_be_empty="`native.relay` is off.",
        links=(),
    )
