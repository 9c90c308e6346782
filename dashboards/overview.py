"""Overview: who is up, how the engines compare, and what fails."""

from __future__ import annotations

from alerts import recordings
from catalogue import own
from catalogue.engines import PEOPLE_SAY
from catalogue.metric import BACKEND, TARGET
from catalogue.own import MEASURE, PEER, REASON
from catalogue.uids import Dashboard
from dashboards import engines, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, cell, label
from dashboards.dash.overrides import Cell
from dashboards.dash.panels import Column, Draw, Legend, Reduce, Show, Stack, Stat, StateTimeline, Table, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import NothingText, Thresholds, ValueText, high_is_bad, low_is_bad
from dashboards.dash.variables import Choice
from dashboards.promql import BY_TARGET, RANGE, TOLD_APART, equals, joined, mean, quantile, rate, ratio, recorded, select, sums, tagged

QUANTILE = Choice("quantile", "Quantile", (("p50", "0.5"), ("p90", "0.9"), ("p95", "0.95"), ("p99", "0.99")), "0.95")
ANSWER = Choice("answer_tokens", "Answer tokens (n)", tuple((n, n) for n in ("32", "64", "128", "256", "512", "1024")), "128")
_Q, _N = f"${QUANTILE.name}", f"${ANSWER.name}"
_SHOWN_Q = f"${{{QUANTILE.name}:text}}"
_OK = equals(own.OUTCOME, own.OUTCOMES[0])
_GOODPUT = ratio(sums(select(recordings.GOOD)), sums(select(recordings.ATTEMPTS)))
_OF_LINE = ((BACKEND, label(BACKEND)), (TARGET, label(TARGET)))
_DRILL = (
    Link("Latency of this target", Dashboard.LATENCY, _OF_LINE),
    Link("Why: engine against client", Dashboard.WHY, _OF_LINE),
)
_NO_SLO = "no SLO is configured (`slos`)."


def whole_answer(q: str, over: str = "", offset: str = "") -> str:
    """What an answer of n tokens takes, TTFT + (n - 1) x TPOT, each at the quantile: engines' answers differ in length, this compares them at one."""
    first = quantile(q, recordings.TTFT, over=over, offset=offset)
    each = quantile(q, recordings.TPOT, over=over, offset=offset)
    return f"({first}) + ({_N} - 1) * ({each})"


UP = StateTimeline(
    title="Who answers",
    description="Whether each target's last chats succeeded. Red: the last chat of at least one scenario failed; a gap: nobody chatted.",
    unit=Unit.PLAIN,
    width=16,
    height=6,
    queries=(Query(joined("min", select(own.PROBE_SUCCESS)), engines.LEGEND),),
    mappings=(ValueText(0, "failing", Colour.RED), ValueText(1, "up", Colour.GREEN)),
)
FIRING = Stat(
    title="Alerts that fire",
    description="Alerts of chatprobe that fire now for the chosen targets, or for none in particular. They are marked on every panel in red.",
    unit=Unit.PLAIN,
    width=4,
    height=6,
    queries=(Query(f"count({standard.ALERTS}) or vector(0)"),),
    thresholds=Thresholds(Colour.GREEN, ((1, Colour.RED),)),
    show=Show.BACKGROUND,
    sparkline=False,
)
FRESHNESS = Stat(
    title="Since the last success",
    description="How long ago a chat succeeded with each target. It stays near the interval of the scenarios; if it grows, the rest is old news.",
    unit=Unit.SECONDS,
    width=4,
    height=6,
    decimals=0,
    queries=(Query(f"time() - {joined('max', select(own.LAST_SUCCESS))}", engines.LEGEND, instant=True),),
    thresholds=high_is_bad(120, 300),
    sparkline=False,
)
GOODPUT_NOW = Stat(
    title="Goodput now",
    description="Share of attempts in the last five minutes that met every threshold of their SLO. Failed and unsent chats are bad.",
    unit=Unit.RATIO,
    height=5,
    decimals=1,
    queries=(Query(_GOODPUT, engines.LEGEND),),
    thresholds=low_is_bad(0.95, 0.99),
    value_links=(Link("Error budget", Dashboard.SLO, _OF_LINE),),
    may_be_empty=_NO_SLO,
)
TTFT_NOW = Stat(
    title=f"Time to first token now, {_SHOWN_Q}",
    description="What a user waits for the first token, over the last five minutes. Compare the engines, and each with its line behind. "
    f"{TOLD_APART}",
    unit=Unit.SECONDS,
    height=5,
    queries=(Query(quantile(_Q, recordings.TTFT), engines.LEGEND),),
    overrides=engines.COLOURS,
    value_links=_DRILL,
)
RATE_NOW = Stat(
    title="Output tokens per second now",
    description="Tokens that chatprobe's chats get, all together. It depends on how much chatprobe asks, not on the engine alone.",
    unit=Unit.NUMBER,
    height=5,
    decimals=1,
    queries=(Query(sums(select(recordings.OUTPUT_TOKENS)), engines.LEGEND),),
    overrides=engines.COLOURS,
)


def _latency(title: str, description: str, expr: str) -> TimeSeries:
    """A line for each target, in seconds, with links to where its time goes."""
    return TimeSeries(
        title=f"{title}, {_SHOWN_Q}",
        description=f"{description} {TOLD_APART}",
        unit=Unit.SECONDS,
        lowest=0,
        queries=(Query(expr, engines.LEGEND),),
        overrides=engines.COLOURS,
        value_links=_DRILL,
    )


TTFT = _latency(
    "Time to first token",
    "From the request's first byte to the first chunk with tokens. Lower is better. Chats that timed out count with their wait.",
    quantile(_Q, recordings.TTFT),
)
ITL = _latency(
    "Inter-token latency",
    "The gap between tokens, each token once: the rhythm that a reader sees. High quantiles show stutter that a chat's mean hides.",
    quantile(_Q, recordings.ITL),
)
TPOT = _latency(
    "Time per output token",
    "The mean gap between tokens of a chat, each chat once: how fast the engine decodes. 50 ms are 20 tokens a second.",
    quantile(_Q, recordings.TPOT),
)
WHOLE = _latency(
    f"An answer of {_N} tokens",
    "TTFT + (n - 1) x TPOT, for the n chosen above: what an answer of one length takes with each engine, so a fair comparison. "
    "It adds two quantiles, so it is what a chat takes that is at this quantile in both.",
    whole_answer(_Q),
)
E2E = _latency(
    "Whole chats as they were",
    "From connecting to the end of the answer, of chats that succeeded. Compare engines here only where their answers are equally long: "
    "the panel to the right says how long they were.",
    quantile(_Q, recordings.E2E, _OK),
)
_BEGUN = recorded(recordings.PHASE, equals(own.PHASE, "wait")).count(BY_TARGET)
"""Chats that had a first token."""
LENGTH = TimeSeries(
    title="Tokens per answer, mean",
    description="How long the answers were that began, cut ones included. An engine with shorter answers looks faster in whole chats than it is.",
    unit=Unit.NUMBER,
    decimals=1,
    queries=(Query(ratio(sums(select(recordings.OUTPUT_TOKENS)), _BEGUN), engines.LEGEND),),
    overrides=engines.COLOURS,
    lowest=0,
)
SPEED = TimeSeries(
    title="Tokens per second of a chat, mean",
    description="How fast one user's answer came, waiting for the first token included; of chats that succeeded. Higher is better.",
    unit=Unit.NUMBER,
    decimals=1,
    queries=(Query(mean(own.OUTPUT_RATE), engines.LEGEND),),
    overrides=engines.COLOURS,
    lowest=0,
)
GOODPUT = TimeSeries(
    title="Goodput",
    description="Share of all attempts that succeeded within every threshold of their SLO. A dead engine is not fast: what fails counts here.",
    unit=Unit.RATIO,
    queries=(Query(_GOODPUT, engines.LEGEND),),
    overrides=engines.COLOURS,
    highest=1,
    soft_lowest=0.9,
    value_links=(Link("Error budget", Dashboard.SLO, _OF_LINE),),
    may_be_empty=_NO_SLO,
)
FAILED = TimeSeries(
    title="Chats that failed",
    description="Share of chats that ended in a failure. 0 is normal; compare with the reasons to the right.",
    unit=Unit.RATIO,
    queries=(Query(ratio(sums(select(recordings.FAILURES)), sums(select(recordings.PROBES))), engines.LEGEND),),
    overrides=engines.COLOURS,
    lowest=0,
    soft_highest=0.05,
)
REASONS = TimeSeries(
    title="Why chats failed",
    description="Failed chats a second by the first cause of each, stacked. `overloaded` and `first_token_timeout` mean too much load, "
    "`connect`, `dns` and `tls` the way there, `truncated` an answer that ended in the middle.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=24,
    queries=(Query(f"{sums(select(recordings.FAILURES), (*BY_TARGET, REASON))} > 0", f"{engines.LEGEND}: {{{{{REASON}}}}}"),),
    overrides=engines.COLOURS,
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    legend=Legend.TABLE,
    legend_values=(Reduce.LAST, Reduce.HIGHEST),
    may_be_empty="no chat failed.",
)


def _compared(q: str, offset: str = "") -> str:
    """The measures on which engines are compared, over the dashboard's time range, each with its name as a label."""
    rows = {
        "TTFT": quantile(q, recordings.TTFT, over=RANGE, offset=offset),
        "ITL": quantile(q, recordings.ITL, over=RANGE, offset=offset),
        "TPOT": quantile(q, recordings.TPOT, over=RANGE, offset=offset),
        f"answer of {_N} tokens": whole_answer(q, over=RANGE, offset=offset),
    }
    return "\nor ".join(tagged(expr, MEASURE, name) for name, expr in rows.items())


_WEEK = "1w"
_OF_ROW = ((TARGET, cell("Target")), (BACKEND, cell("Engine")))
_CHANGE = Thresholds(Colour.GREEN, ((-0.05, Colour.TEXT), (0.05, Colour.YELLOW), (0.2, Colour.RED)))
COMPARISON = Table(
    title="The engines side by side",
    description="Quantiles over the time range shown, and the change of p95 against the same range a week ago: red is slower, green faster. "
    "Lower is better in every row. Click a target or an engine for where its time goes.",
    unit=Unit.SECONDS,
    width=24,
    height=10,
    queries=(
        Query(_compared("0.5"), ref="p50"),
        Query(_compared("0.95"), ref="p95"),
        Query(_compared("0.99"), ref="p99"),
        Query(_compared("0.95", _WEEK), ref="week"),
        Query(f"({_compared('0.95')})\n/ (({_compared('0.95', _WEEK)}) > 0)\n- 1", ref="change"),
    ),
    columns=(
        Column(source=MEASURE, title="Measure", unit=Unit.TEXT),
        Column(
            source=TARGET,
            title="Target",
            unit=Unit.TEXT,
            links=(
                Link("Latency of this target", Dashboard.LATENCY, _OF_ROW),
                Link("Why: engine against client", Dashboard.WHY, _OF_ROW),
                Link("Error budget of this target", Dashboard.SLO, _OF_ROW),
            ),
        ),
        Column(
            source=BACKEND,
            title="Engine",
            unit=Unit.TEXT,
            cell=Cell.COLOURED_TEXT,
            mappings=engines.TEXTS,
            links=engines.LINKS,
        ),
        Column(source="p50", title="p50"),
        Column(source="p95", title="p95"),
        Column(source="p99", title="p99"),
        Column(source="week", title="p95 a week ago"),
        Column(
            source="change",
            title="Change of p95",
            unit=Unit.RATIO,
            decimals=0,
            cell=Cell.COLOURED,
            thresholds=_CHANGE,
            mappings=(NothingText("no data then", Colour.TRANSPARENT),),
        ),
    ),
    sort="Measure",
)


def _wins(measure: str) -> str:
    """The share of pairs won, over the last hour, all scenarios alike."""
    return joined("avg", select(recordings.PAIR_WINS, equals(MEASURE, measure)), (*BY_TARGET, PEER))


PAIRS = Table(
    title="Pairs won, engine against engine",
    description="Of the prompts that went to both at the same instant in the last hour: the share in which the target did better than its peer. "
    "What is missing to 100 % with the peer's own row are ties. A failed chat loses to one that succeeded.",
    unit=Unit.RATIO,
    width=24,
    height=8,
    decimals=0,
    lowest=0,
    highest=1,
    queries=tuple(Query(_wins(measure), ref=measure) for measure in own.MEASURES),
    columns=(
        Column(source=TARGET, title="Target", unit=Unit.TEXT),
        Column(source=BACKEND, title="Engine", unit=Unit.TEXT, cell=Cell.COLOURED_TEXT, mappings=engines.TEXTS),
        Column(source=PEER, title="Against", unit=Unit.TEXT),
        *(
            Column(source=measure, title=f"Better in {measure}", cell=Cell.BAR, thresholds=Thresholds(Colour.ORANGE, ((0.5, Colour.GREEN),)))
            for measure in own.MEASURES
        ),
    ),
    sort="Target",
    may_be_empty="no scenario chats in pairs (`pair: true`), or there is one target only.",
)

UNDECIDED = TimeSeries(
    title="Pairs that none could win",
    description="A second, although both chats succeeded. `input_tokens`: the engines counted the prompt so differently that it was not the same for "
    "both. `gathered`: something on the way gathered the tokens of one. `load`: one waited for its model to be loaded.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=24,
    height=6,
    lowest=0,
    queries=(Query(f"{rate(own.PAIRS_UNDECIDED, by=(*BY_TARGET, PEER, REASON))} > 0", f"{engines.LEGEND} against {{{{{PEER}}}}}: {{{{{REASON}}}}}"),),
    overrides=engines.COLOURS,
    may_be_empty="every pair could be won.",
)

BOARD = Board(
    uid=Dashboard.OVERVIEW,
    title="chatprobe / Overview",
    description=f"What a user of {PEOPLE_SAY} feels, side by side: who is up, how fast each is, and what fails.",
    variables=(*standard.variables(), QUANTILE, ANSWER),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", (UP, FIRING, FRESHNESS, GOODPUT_NOW, TTFT_NOW, RATE_NOW)),
        Row("Engine against engine", (COMPARISON, PAIRS, UNDECIDED)),
        Row("Latency", (TTFT, ITL, TPOT, WHOLE, E2E, LENGTH)),
        Row("Success", (SPEED, GOODPUT, FAILED, REASONS)),
    ),
)
