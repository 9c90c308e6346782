"""The prober: whether chatprobe's own numbers are fresh and can be trusted, and what its chats cost."""

from __future__ import annotations

from alerts import recordings
from alerts.recordings import JOB
from catalogue import own
from catalogue import process as facts
from catalogue import unified as native
from catalogue.metric import TARGET, Metric
from catalogue.own import CLOCK, OUTCOME, PHASE, REASON, SCENARIO, SHARD, VERSION
from catalogue.uids import Dashboard
from dashboards import engines, process, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Cell, Override, of_query
from dashboards.dash.panels import Column, Draw, Heatmap, Legend, Reduce, Show, Stack, Stat, StateTimeline, Table, ThresholdStyle, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import Thresholds, ValueText, high_is_bad
from dashboards.instances import EACH, NAME, WELL, WHY, each, later_than
from dashboards.promql import BY_TARGET, INSTANCE, RANGE, equals, growth, heat, joined, mean, rate, ratio, select, sums

_HOUR = 3600


def _loss(title: str, description: str, metric: Metric) -> Stat:
    """What should never happen: green at 0, red from 1."""
    return Stat(
        title=title,
        description=f"{description} In the time range shown; 0 is normal.",
        unit=Unit.NUMBER,
        width=6,
        height=5,
        decimals=0,
        queries=(Query(f"sum({growth(metric, RANGE)})", instant=True),),
        thresholds=Thresholds(Colour.GREEN, ((0.5, Colour.RED),)),
        show=Show.BACKGROUND,
        sparkline=False,
    )


EXPORTERS = Table(
    title="Exporters",
    description="Each chatprobe that Prometheus scrapes, as it stands now. A version that differs from the others is a rollout that is stuck.",
    unit=Unit.NUMBER,
    width=24,
    height=5,
    queries=(
        Query(each(own.BUILD_INFO, VERSION), ref="there"),
        Query(f"time() - {each(facts.START_TIME)}", ref="up"),
        Query(f"time() - {each(own.RELOAD_TIMESTAMP)}", ref="loaded"),
        Query(each(own.RELOAD_SUCCESSFUL), ref="reload"),
        Query(each(own.TARGETS, how="sum"), ref="targets"),
        Query(each(own.SERIES), ref="series"),
        Query(each(own.SHARDS, SHARD), ref="shards"),
        Query(rate(facts.CPU_SECONDS, by=EACH), ref="cpu"),
        Query(each(facts.RESIDENT_MEMORY), ref="memory"),
    ),
    columns=(
        Column(source=INSTANCE, title="Instance", unit=Unit.TEXT),
        Column(source=VERSION, title="Version", unit=Unit.TEXT),
        Column(source="up", title="Running for", unit=Unit.SECONDS),
        Column(source="loaded", title="Configuration loaded ago", unit=Unit.SECONDS),
        Column(source="reload", title="Last reload", cell=Cell.COLOURED_TEXT, mappings=WELL),
        Column(source="targets", title="Targets"),
        Column(source="series", title="Series"),
        Column(source=SHARD, title="Shard", unit=Unit.TEXT),
        Column(source="shards", title="Of shards"),
        Column(source="cpu", title="CPU cores", decimals=2),
        Column(source="memory", title="Memory", unit=Unit.BYTES),
    ),
    sort="Instance",
)

_BY_SCENARIO = (JOB, *BY_TARGET, SCENARIO)
_INTERVALS = joined("max", select(own.SCENARIO_INTERVAL), (JOB, SCENARIO))
_AGE = joined("min", f"time() - {select(own.LAST_PROBE)}", _BY_SCENARIO)
FRESH = TimeSeries(
    title="Age of the last chat, in intervals",
    description="How long ago the last chat of each scenario ended, in units of the longest time that usually lies between two. Below 2 is normal, "
    "at the dashed line three were due: the numbers of that target are old, whatever they say.",
    unit=Unit.PLAIN,
    width=12,
    decimals=1,
    lowest=0,
    soft_highest=3.5,
    queries=(Query(f"{_AGE} / on ({JOB}, {SCENARIO}) group_left () {_INTERVALS}", f"{engines.LEGEND} {{{{{SCENARIO}}}}}"),),
    overrides=engines.COLOURS,
    thresholds=Thresholds(Colour.TRANSPARENT, ((3, Colour.RED),)),
    threshold_style=ThresholdStyle.DASHES,
)
SKIPPED = TimeSeries(
    title="Chats that were due and not sent, by reason",
    description="`breaker`, `target_busy` and `load_failed` are the target's fault, and count against its SLOs. `missed` and `global_cap` are "
    "chatprobe's: too much load for one process, or too few streams allowed. `token_budget`, `load_share`, `inactive`, `model_not_loaded` and "
    "`loading` are as configured. `loads_model`: chats had the engine load its model, and are held back.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=12,
    lowest=0,
    queries=(Query(f"{rate(own.PROBE_SKIPPED, by=(TARGET, REASON))} > 0", f"{{{{{TARGET}}}}}: {{{{{REASON}}}}}"),),
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    legend=Legend.TABLE,
    legend_values=(Reduce.LAST, Reduce.HIGHEST),
    may_be_empty="every chat that was due was sent.",
)
LAG = Heatmap(
    title="Schedule lag, distribution",
    description="How much later than due chats were started. Up to a few milliseconds is normal; above, chatprobe asks less evenly than it was told.",
    unit=Unit.SECONDS,
    width=12,
    queries=(Query(heat(own.SCHEDULE_LAG)),),
)
LATE = TimeSeries(
    title="Chats started more than 100 ms late",
    description="Share of chats, beside the mean lag of all on the right axis. A lag delays the load, not the clock: TTFT counts from sending.",
    unit=Unit.RATIO,
    width=12,
    lowest=0,
    soft_highest=0.05,
    queries=(
        Query(later_than(own.SCHEDULE_LAG, 0.1), f"late, {NAME}"),
        Query(mean(own.SCHEDULE_LAG, by=EACH), f"mean lag, {NAME}", ref="mean"),
    ),
    overrides=(Override(of_query("mean"), shades=Colour.GREY, unit=Unit.SECONDS, right_axis=True),),
)

_KERNEL = joined("max", select(own.MEASUREMENT_CLOCK, equals(CLOCK, "kernel")), EACH)
CLOCKS = StateTimeline(
    title="What times the chats",
    description="Green: the kernel stamps what arrives, so that a busy machine makes nothing slower than it was. Yellow: only the program's own "
    "reads are timed (no support for stamps here, or a proxy in between); latencies may be too long.",
    unit=Unit.PLAIN,
    width=8,
    height=6,
    queries=(Query(f"{_KERNEL} or 0 * {each(own.MEASUREMENT_CLOCK)}", NAME),),
    mappings=(ValueText(0, "the program's reads", Colour.YELLOW), ValueText(1, "the kernel's stamps", Colour.GREEN)),
)
STEPS = Stat(
    title="Steps of the wall clock",
    description="How often the machine's clock jumped and the stamps' conversion followed, in the time range shown. A few are harmless, many mean "
    "that its time synchronization fights with something.",
    unit=Unit.NUMBER,
    width=4,
    height=6,
    decimals=0,
    queries=(Query(f"sum({growth(own.CLOCK_STEPS, RANGE)})", instant=True),),
    thresholds=high_is_bad(1, 10),
    sparkline=False,
)
DOUBTFUL = TimeSeries(
    title="Doubtful chats",
    description="Share of chats with a token whose time may be off by more than a millisecond. Above a few percent the machine is too busy to time "
    "chats: give chatprobe more CPU, `SYS_NICE`, or fewer streams.",
    unit=Unit.RATIO,
    width=6,
    height=6,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(ratio(rate(own.DOUBTFUL), rate(own.PROBES)), engines.LEGEND),),
    overrides=engines.COLOURS,
)
COALESCED = TimeSeries(
    title="Chunks that shared a read",
    description="Share of token-bearing chunks that came together with something later, so that only bounds of their time are known. The last chunk "
    "of a vLLM stream always does; much more is a proxy that buffers.",
    unit=Unit.RATIO,
    width=6,
    height=6,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(ratio(rate(own.COALESCED_CHUNKS, by=EACH), rate(own.CHUNKS, by=EACH)), NAME),),
)
_READS = rate(own.READS, by=EACH)
LATE_READS = TimeSeries(
    title="Reads more than 1 ms late",
    description="Share of reads that came more than a millisecond after what they read had arrived, beside the mean delay of all on the right axis. "
    "The kernel's stamps keep it out of the numbers; but what arrives meanwhile shares a read, and makes chats doubtful.",
    unit=Unit.RATIO,
    width=12,
    height=6,
    lowest=0,
    soft_highest=0.05,
    queries=(
        Query(ratio(rate(own.LATE_READS, by=EACH), _READS), f"late, {NAME}"),
        Query(ratio(rate(own.READ_DELAY, by=EACH), _READS), f"mean delay, {NAME}", ref="mean"),
    ),
    overrides=(Override(of_query("mean"), shades=Colour.GREY, unit=Unit.SECONDS, right_axis=True),),
)
MENDED = TimeSeries(
    title="TCP segments that were lost or overtaken",
    description="A second, by target. Out of order: one of the answer was lost on the way, or overtaken, and what it bore came late. Sent again: one "
    "of connecting or of the request was lost, and TTFT has the wait in it. Such latency is the network's, not the engine's.",
    unit=Unit.PER_SECOND,
    width=8,
    height=6,
    lowest=0,
    queries=(
        Query(f"{rate(own.SEGMENTS_OUT_OF_ORDER)} > 0", f"{engines.LEGEND}: out of order"),
        Query(f"{rate(own.SEGMENTS_RESENT)} > 0", f"{engines.LEGEND}: sent again"),
    ),
    overrides=engines.COLOURS,
    may_be_empty="the network lost nothing.",
)
UNREAD = Stat(
    title="Segments dropped unread",
    description="TCP segments that had arrived and that the kernel dropped, since a receive buffer was full, of all programs there. In the time "
    "range shown; 0 is normal. Else something on the machine reads too late.",
    unit=Unit.NUMBER,
    width=4,
    height=6,
    decimals=0,
    queries=(Query(f"sum({growth(own.RECEIVE_DROPS, RANGE)})", instant=True),),
    thresholds=high_is_bad(1, 100),
    sparkline=False,
    may_be_empty="the kernel does not tell (gVisor).",
)
INTERNAL = TimeSeries(
    title="Failures of chatprobe's own",
    description="Chats a second that failed by chatprobe's fault (`internal`). They count for no SLO. Each has a line in the log: report it.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=12,
    height=6,
    lowest=0,
    queries=(Query(sums(select(recordings.FAILURES, equals(REASON, "internal"))), engines.LEGEND),),
    overrides=engines.COLOURS,
)
RETRIES = TimeSeries(
    title="Chats sent twice",
    description="Share of chats whose kept-alive connection had died before it was used, so that they were sent again on a new one. A few percent: "
    "the server or a proxy closes idle connections sooner than chats come.",
    unit=Unit.RATIO,
    width=12,
    height=6,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(ratio(rate(own.RETRIES), rate(own.PROBES)), engines.LEGEND),),
    overrides=engines.COLOURS,
)

TOKENS = TimeSeries(
    title="Tokens an hour",
    description="Input and output tokens of chatprobe's chats, at the present rate: what probing costs where tokens are paid for. "
    "`limits.tokens_per_hour` caps it.",
    unit=Unit.NUMBER,
    lowest=0,
    queries=(Query(f"{_HOUR} * ({rate(own.INPUT_TOKENS)} + {rate(own.OUTPUT_TOKENS)})", engines.LEGEND),),
    overrides=engines.COLOURS,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LAST),
)


def _in_an_hour(metric: Metric) -> str:
    """Of engines that count everybody's tokens."""
    return sums(growth(metric, "1h", engines.OF_ALL_CLIENTS))


SHARE = TimeSeries(
    title="Share of the engine's tokens",
    description="Of all tokens that the engine generated in the last hour, by its own count, those for chatprobe. High with real users there: probe "
    "less, or let scenarios yield (`yields`, `limits.load_share`). Ollama does not count others' tokens.",
    unit=Unit.RATIO,
    lowest=0,
    highest=1,
    queries=(
        Query(
            f"clamp_max({ratio(_in_an_hour(own.OUTPUT_TOKENS), _in_an_hour(native.GENERATION_TOKENS))}, 1)",
            engines.LEGEND,
        ),
    ),
    overrides=engines.COLOURS,
    value_links=(WHY,),
    may_be_empty="the engines' own metrics are not read (`native`), or Ollama is the only engine.",
)
ENGINE_TIME = TimeSeries(
    title="Engine's time for chatprobe",
    description="How much of the time the engine worked on a chat of chatprobe's, by its own account: prompts (prefill) and answers (decode). "
    "Above 1, on several at once. Other requests of the batch are worked on at the same time, so this is the most that probing can cost, "
    "not what users lose. Not every engine tells it.",
    unit=Unit.RATIO,
    width=12,
    lowest=0,
    queries=(Query(rate(own.ENGINE_SECONDS, by=(*BY_TARGET, PHASE)), f"{engines.LEGEND}: {{{{{PHASE}}}}}"),),
    overrides=engines.COLOURS,
    stack=Stack.VALUES,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LAST),
    may_be_empty="no engine tells of a chat how long it worked on it.",
)
CACHED = TimeSeries(
    title="Input tokens that were cached",
    description="Share of the chats' input tokens that the engine found in its prefix cache and did not compute again. Near 0 where scenarios are "
    "cold (`cache: cold`); high where conversations go on.",
    unit=Unit.RATIO,
    width=12,
    lowest=0,
    highest=1,
    queries=(Query(ratio(rate(own.CACHED_INPUT_TOKENS), f"({rate(own.INPUT_TOKENS)} and {rate(own.CACHED_INPUT_TOKENS)})"), engines.LEGEND),),
    overrides=engines.COLOURS,
    may_be_empty="no engine tells of a chat how many tokens it had cached.",
)
CHATS = TimeSeries(
    title="Chats an hour",
    description="Chats that ended, at the present rate, by target.",
    unit=Unit.NUMBER,
    lowest=0,
    queries=(Query(f"{_HOUR} * {sums(select(recordings.PROBES))}", engines.LEGEND),),
    overrides=engines.COLOURS,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LAST),
)
SPENT = Stat(
    title="Tokens spent",
    description="Input and output tokens of chatprobe's chats in the time range shown.",
    unit=Unit.NUMBER,
    width=12,
    height=5,
    queries=(Query(f"{sums(growth(own.INPUT_TOKENS, RANGE))} + {sums(growth(own.OUTPUT_TOKENS, RANGE))}", engines.LEGEND, instant=True),),
    overrides=engines.COLOURS,
    sparkline=False,
)
ON_REQUEST = TimeSeries(
    title="Chats on request",
    description="Chats a second that somebody asked for, at `/probe`, in the API or in a race, by what became of them. `refused`: asked for too "
    "often. They are in no other panel.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=12,
    lowest=0,
    queries=(Query(f"{rate(own.CHATS_ON_REQUEST, by=(OUTCOME,))} > 0", f"{{{{{OUTCOME}}}}}"),),
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    may_be_empty="nobody asked for a chat.",
)
LOG_LINES = _loss("Log lines lost", "Log lines given up because whatever reads standard error was too slow.", own.LOG_LINES_DROPPED)
HISTORY = _loss("History lost", "Chats and summaries that could not be written to the database of the history (`history.path`).", own.HISTORY_LOST)
UNREADABLE = _loss(
    "Metrics left out", "Times that a part of the metrics could not be read, and a scrape went without it. The log says why.", own.UNREADABLE
)
RECORDS = _loss(
    "Records lost", "Chat records that could not be written to their file (`--records`): a full disk, or no permission.", own.RECORDS_LOST
)

BOARD = Board(
    uid=Dashboard.PROBER,
    title="chatprobe / The prober",
    description="Whether chatprobe's own numbers are fresh and can be trusted, how the process is, and what its chats cost.",
    variables=standard.variables(),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Who measures", (EXPORTERS,)),
        Row("Is it on time?", (FRESH, SKIPPED, LAG, LATE)),
        Row("Can it be trusted?", (CLOCKS, STEPS, DOUBTFUL, COALESCED, LATE_READS, MENDED, UNREAD, INTERNAL, RETRIES)),
        Row("What it costs", (TOKENS, SHARE, CHATS, ENGINE_TIME, CACHED, ON_REQUEST, SPENT)),
        Row("What was lost", (LOG_LINES, RECORDS, HISTORY, UNREADABLE)),
        process.CONFIGURATION,
        process.METRICS,
        process.PROCESS,
        process.WORKERS,
    ),
)
