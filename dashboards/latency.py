"""Latency: how long users wait, how evenly tokens come, and in which phase of a chat the time goes."""

from __future__ import annotations

from dataclasses import replace

from alerts import recordings
from alerts.recordings import JOB, Shared
from catalogue import own
from catalogue.metric import BACKEND, TARGET, Metric
from catalogue.own import CACHE, MEASURE, PHASE, SLO
from catalogue.uids import Dashboard
from dashboards import engines, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import QUANTILES, Colour
from dashboards.dash.links import Link, cell, label
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import BarGauge, Column, Heatmap, Legend, Reduce, Stack, Table, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import NothingText, ValueText
from dashboards.promql import (
    BY_TARGET,
    RANGE,
    TOLD_APART,
    equals,
    heat,
    joined,
    lately,
    matchers,
    mean,
    quantile,
    rate,
    ratio,
    recorded,
    select,
    sums,
)

_Q = (("p50", "0.5"), ("p90", "0.9"), ("p95", "0.95"), ("p99", "0.99"))
_OK = equals(own.OUTCOME, own.OUTCOMES[0])
_OF_LINE = ((BACKEND, label(BACKEND)), (TARGET, label(TARGET)))
_WHY = Link("Why: engine against client", Dashboard.WHY, _OF_LINE)
_BUDGET = Link("Error budget", Dashboard.SLO, _OF_LINE)
_STYLE = (
    *(Override(matching(rf"^{name} "), shades=QUANTILES[name]) for name, _ in _Q),
    Override(matching("^SLO "), colour=Colour.TEXT, dashed=True, line_width=2),
)
"""One colour a quantile, of which each target has a shade; what an SLO asks for is a dashed line."""
_NO_LINE = "The heatmap cannot hold a line: what an SLO asks for is dashed in the panel to the right, and always an edge between two rows here."


def _heatmap(title: str, description: str, metric: Metric, *where: str, exemplars: bool = False) -> Heatmap:
    return Heatmap(
        title=f"{title}, distribution",
        description=description,
        unit=Unit.SECONDS,
        width=12,
        height=9,
        queries=(Query(heat(metric, *where), exemplars=exemplars),),
    )


def _quantiles(title: str, description: str, recording: Shared, *where: str, slo: str = "", may_be_empty: str = "") -> TimeSeries:
    """Four lines for each target, and one for each SLO with a threshold on the measure that `slo` names."""
    lines = tuple(Query(quantile(q, recording, *where), f"{name} {engines.LEGEND}") for name, q in _Q)
    threshold = f"max by ({SLO}) ({select(own.SLO_THRESHOLD, equals(MEASURE, slo))})"
    return TimeSeries(
        title=f"{title}, quantiles",
        description=f"{description} {TOLD_APART}",
        unit=Unit.SECONDS,
        width=12,
        height=9,
        lowest=0,
        queries=(*lines, Query(threshold, f"SLO {{{{{SLO}}}}}", ref="slo")) if slo else lines,
        overrides=_STYLE,
        legend=Legend.TABLE,
        legend_values=(Reduce.LAST, Reduce.HIGHEST),
        value_links=(_WHY, _BUDGET),
        may_be_empty=may_be_empty,
    )


_TTFT, _TPOT, _E2E = own.MEASURES
FIRST_TOKEN = (
    _heatmap(
        "Time to first token",
        "How many chats a second waited how long for their first token. Two bands are two kinds of chats: cold and warm, queued and not. "
        f"A dot is one chat, with its `request_id`, which is its trace id too. {_NO_LINE}",
        own.TTFT,
        exemplars=True,
    ),
    _quantiles(
        "Time to first token",
        "Of 100 chats, 95 had their first token within p95. The promise is broken where a line is above the dashed one; p99 far above p50 is a "
        "queue.",
        recordings.TTFT,
        slo=_TTFT,
    ),
)
RHYTHM = (
    _heatmap(
        "Inter-token latency",
        "How many tokens a second came how long after the one before. A second, higher band are tokens that waited for others' prefill.",
        own.ITL,
    ),
    _quantiles(
        "Inter-token latency",
        "The gap between tokens, each token once. p50 is the rhythm that a reader sees, p99 its stutter; a rising p50 is a fuller batch.",
        recordings.ITL,
    ),
    _heatmap(
        "Time per output token",
        f"How many chats a second had which mean gap between tokens. Narrower than the gaps themselves: stutter evens out. {_NO_LINE}",
        own.TPOT,
    ),
    _quantiles(
        "Time per output token",
        "The mean gap between tokens of a chat, each chat once: how fast the engine decodes. 50 ms are 20 tokens a second.",
        recordings.TPOT,
        slo=_TPOT,
    ),
)
WHOLE = (
    _heatmap(
        "Whole chats",
        "How many chats a second took how long from connecting to the end of the answer; of those that succeeded. A dot is one chat, with its "
        f"`request_id`. Long answers take longer: this compares nothing but chats of one length. {_NO_LINE}",
        own.E2E,
        _OK,
        exemplars=True,
    ),
    _quantiles(
        "Whole chats",
        "From connecting to the end of the answer, of chats that succeeded. It grows with the length of answers, which the overview shows.",
        recordings.E2E,
        _OK,
        slo=_E2E,
    ),
)


def _longer_than_a_second() -> str:
    stalls = recorded(recordings.STALL)
    return f"1 - {ratio(stalls.within(1, BY_TARGET), stalls.count(BY_TARGET))}"


SILENCES = TimeSeries(
    title="Chats with a silence of more than a second",
    description="Share of chats that stopped for more than a second in the middle of their answer. 0 is normal; preemption, a full KV cache and "
    "a proxy that buffers raise it.",
    unit=Unit.RATIO,
    width=24,
    height=6,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(_longer_than_a_second(), engines.LEGEND),),
    overrides=engines.COLOURS,
    value_links=(_WHY,),
)
STALLS = (
    _heatmap(
        "Stalls",
        "How many chats a second had which longest silence after their first token. It lies near the rhythm of tokens when nothing stalls.",
        own.STALL,
    ),
    _quantiles(
        "Stalls",
        "The longest silence of each chat after its first token, the one in which it failed included: what a person notices most.",
        recordings.STALL,
    ),
    SILENCES,
)

_PHASE_COLOURS = {
    "resolve": Colour.PURPLE,
    "connect": Colour.YELLOW,
    "tls": Colour.RED,
    "send": Colour.GREY,
    "wait": Colour.ORANGE,
    "stream": Colour.BLUE,
}
_OF_PHASE = tuple(Override(matching(rf"^{phase}$"), colour=colour) for phase, colour in _PHASE_COLOURS.items())
_PHASES_MEAN = (
    "What a phase adds to a mean chat: a phase that few chats have (a kept-alive connection needs no `connect`) adds little. `wait` is what is left "
    "until the first token, `stream` from there to the end."
)


def _part_of_a_chat(phase: str) -> str:
    """Seconds of a phase for each chat, over the time range."""
    spent = lately(own.PHASE_SECONDS, equals(PHASE, phase), over=RANGE).total(BY_TARGET)
    return ratio(spent, sums(f"rate({own.PROBES.name}{matchers(own.PROBES)}[{RANGE}])"))


def _part_lately(phase: str) -> str:
    """The same lately, of all chosen targets together."""
    return ratio(lately(own.PHASE_SECONDS, equals(PHASE, phase)).total(()), rate(own.PROBES, by=()))


_NONE = (ValueText(0, "none", Colour.TEXT), NothingText("none", Colour.TEXT))
PHASES_OVER_TIME = TimeSeries(
    title="Where the time of a chat goes",
    description=f"Mean seconds of each phase, stacked to the length of a mean chat, of all chosen targets together: choose one above. {_PHASES_MEAN}",
    unit=Unit.SECONDS,
    width=12,
    height=9,
    lowest=0,
    queries=tuple(Query(_part_lately(phase), phase) for phase in own.PHASES),
    overrides=_OF_PHASE,
    stack=Stack.VALUES,
    fill_percent=60,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LAST),
)
PHASES_P95 = TimeSeries(
    title="Phases, p95",
    description="Of 100 chats that had the phase, 95 had it behind them within this time, of all chosen targets together. `connect` and `tls` point "
    "to the network, `wait` to the engine's queue and prefill. The buckets are coarse: compare orders of magnitude here.",
    unit=Unit.SECONDS,
    width=12,
    height=9,
    logarithmic=True,
    queries=(Query(quantile("0.95", recordings.PHASE, by=(PHASE,)), f"{{{{{PHASE}}}}}"),),
    overrides=_OF_PHASE,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LAST),
)
PHASES_BY_TARGET = Table(
    title="Phases, target by target",
    description=f"Mean seconds of each phase in a chat over the time range shown, side by side. {_PHASES_MEAN}",
    unit=Unit.SECONDS,
    width=24,
    height=6,
    queries=tuple(Query(_part_of_a_chat(phase), ref=phase) for phase in own.PHASES),
    columns=(
        Column(
            source=TARGET,
            title="Target",
            unit=Unit.TEXT,
            links=(Link("Why: engine against client", Dashboard.WHY, ((TARGET, cell("Target")), (BACKEND, cell("Engine")))),),
        ),
        Column(source=BACKEND, title="Engine", unit=Unit.TEXT, cell=Cell.COLOURED_TEXT, mappings=engines.TEXTS),
        *(Column(source=phase, title=phase, mappings=_NONE) for phase in own.PHASES),
    ),
    sort="Target",
)

_COLD, _WARM = (equals(CACHE, kind) for kind in ("cold", "warm"))


def _first_token(q: str, *scenarios: str, by: tuple[str, ...] = BY_TARGET, over: str = "") -> str:
    """A quantile of the chats of some scenarios; `by` may have the scenarios' `cache`."""
    buckets = recorded(recordings.TTFT, over=over)
    facts = joined("max", select(own.SCENARIO_INFO, *scenarios), (JOB, own.SCENARIO, CACHE))
    of_these = replace(buckets, each=f"{buckets.each} * on ({JOB}, {own.SCENARIO}) group_left ({CACHE}) {facts}")
    return f"{of_these.quantile(q, by)} >= 0"


_WHICH = "With `cache: cold` each prompt is new to the engine's prefix cache, with `warm` it is the same each time."
COLD_WARM = TimeSeries(
    title="Time to first token, cold against warm",
    description=f"Medians of chats whose prompt the engine has computed before (warm, dashed), and of those that it has not. {_WHICH} "
    "The distance is what prefix caching is worth, if the scenarios are alike otherwise.",
    unit=Unit.SECONDS,
    width=16,
    lowest=0,
    queries=(Query(_first_token("0.5", by=(*BY_TARGET, CACHE)), f"{engines.LEGEND}: {{{{{CACHE}}}}}"),),
    overrides=(*engines.COLOURS, Override(matching(": warm$"), dashed=True)),
    value_links=(_WHY,),
)
WARM_GAIN = BarGauge(
    title="What a warm prefix saves",
    description="Share of the cold median that the warm one is shorter, over the time range shown. Near 0: no prefix caching, or prompts too short "
    "to tell; below 0: warm chats wait longer, for other reasons.",
    unit=Unit.RATIO,
    decimals=0,
    lowest=0,
    highest=1,
    queries=(
        Query(
            f"1 - ({_first_token('0.5', _WARM, over=RANGE)}) / (({_first_token('0.5', _COLD, over=RANGE)}) > 0)",
            engines.LEGEND,
            instant=True,
        ),
    ),
    overrides=engines.COLOURS,
    may_be_empty="no target has both scenarios with `cache: cold` and some with `cache: warm`.",
)

_REASONING = "no model was seen to reason (`thinking: on`)."
CONTENT = _quantiles(
    "Time to first content",
    "Until the first word of the answer itself, of models that reason before it: what is called time to first token elsewhere counts thoughts too.",
    recordings.FIRST_CONTENT,
    may_be_empty=_REASONING,
)
THOUGHT = TimeSeries(
    title="Thinking before the answer, mean",
    description="Mean time to first content less mean time to first token: how long the model reasons while its user waits.",
    unit=Unit.SECONDS,
    width=12,
    height=9,
    lowest=0,
    queries=(Query(f"{mean(own.FIRST_CONTENT)} - ({mean(own.TTFT)})", engines.LEGEND),),
    overrides=engines.COLOURS,
    may_be_empty=_REASONING,
)

BOARD = Board(
    uid=Dashboard.LATENCY,
    title="chatprobe / Latency",
    description="How long users wait, how evenly tokens come, and in which phase of a chat the time goes, against what SLOs promise.",
    variables=standard.variables(),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("First token", FIRST_TOKEN),
        Row("Rhythm of tokens", RHYTHM),
        Row("Whole chats", WHOLE),
        Row("Where the time goes", (PHASES_OVER_TIME, PHASES_P95, PHASES_BY_TARGET)),
        Row("Stalls", STALLS),
        Row("Cold against warm", (COLD_WARM, WARM_GAIN)),
        Row("Models that reason", (CONTENT, THOUGHT)),
    ),
)
