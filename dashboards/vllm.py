"""vLLM: what it says of itself, beside what a client sees."""

from __future__ import annotations

from functools import partial

from catalogue import vllm as own
from catalogue.metric import BACKEND, REPLICA, TARGET
from catalogue.uids import Dashboard
from dashboards import drilldown, standard
from dashboards import vllm_details as details
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import Column, Table
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import high_is_bad
from dashboards.drilldown import NAME, Sides, lines, now, of_engine, phases, spread, stacked
from dashboards.engine_queries import RANK, RANK_LEGEND, TOGETHER, first_bucket, grown, level, mean_of_range, observed, renamed
from dashboards.promql import BY_TARGET, equals, mean, rate, ratio

_WHERE = equals(BACKEND, "vllm")
_FULL = high_is_bad(0.8, 0.95)
_KV_USAGE = renamed(lambda metric: level(metric, how="max"), own.KV_CACHE_USAGE, own.KV_CACHE_USAGE_BEFORE)
_PREFIX_HITS = ratio(
    f"({renamed(rate, own.PREFIX_HITS, own.PREFIX_HITS_BEFORE)})", f"({renamed(rate, own.PREFIX_QUERIES, own.PREFIX_QUERIES_BEFORE)})"
)
_FINISHED_BY = (*BY_TARGET, own.FINISHED_REASON)

NOW = (
    now("Requests a second", "Requests that ended, of all clients, however they ended.", Unit.REQUESTS_PER_SECOND, rate(own.FINISHED)),
    now("Prompt tokens a second", "Prompt tokens, of all clients, cached ones included.", Unit.NUMBER, rate(own.PROMPT_TOKENS)),
    now("Generated tokens a second", "Of all clients together: the engine's throughput.", Unit.NUMBER, rate(own.GENERATION_TOKENS)),
    now("Running", "Requests in the batch. More of them make each slower, and the engine as a whole faster.", Unit.PLAIN, level(own.RUNNING)),
    now(
        "Waiting",
        "Requests that wait to be scheduled. Above 0 for long: too few engines, or too small a KV cache.",
        Unit.PLAIN,
        level(own.WAITING),
        thresholds=high_is_bad(1, 10),
    ),
    now(
        "KV cache, fullest rank",
        "Share that is taken. Near 100 %, requests wait or are put back.",
        Unit.RATIO,
        _KV_USAGE,
        thresholds=_FULL,
    ),
)
_BY_RANK = {
    "running": level(own.RUNNING, by=RANK),
    "waiting": level(own.WAITING, by=RANK),
    "cache": renamed(lambda metric: level(metric, how="max", by=RANK), own.KV_CACHE_USAGE, own.KV_CACHE_USAGE_BEFORE),
    "generated": grown(own.GENERATION_TOKENS, by=RANK),
    "first": mean_of_range(own.TTFT, by=RANK),
    "token": renamed(lambda metric: mean_of_range(metric, by=RANK), own.ITL, own.ITL_BEFORE),
    "put_back": grown(own.PREEMPTIONS, by=RANK),
}
RANKS = Table(
    title="Processes and ranks",
    description="Each process, and each rank of data parallelism in it. One that differs from its like has other neighbours, or is broken.",
    unit=Unit.PLAIN,
    width=24,
    height=6,
    queries=tuple(Query(expr, ref=ref) for ref, expr in _BY_RANK.items()),
    columns=(
        Column(source=TARGET, title="Target", unit=Unit.TEXT),
        Column(source=REPLICA, title="Replica", unit=Unit.TEXT),
        Column(source=own.ENGINE, title="Rank", unit=Unit.TEXT),
        Column(source="running", title="Running"),
        Column(source="waiting", title="Waiting", cell=Cell.COLOURED_TEXT, thresholds=high_is_bad(1, 10)),
        Column(source="cache", title="KV cache", unit=Unit.RATIO, cell=Cell.COLOURED_TEXT, thresholds=_FULL),
        Column(source="generated", title="Tokens generated", unit=Unit.NUMBER),
        Column(source="first", title="Time to first token, mean", unit=Unit.SECONDS),
        Column(source="token", title="Between tokens, mean", unit=Unit.SECONDS),
        Column(source="put_back", title="Put back", unit=Unit.NUMBER, cell=Cell.COLOURED_TEXT, thresholds=high_is_bad(1, 100)),
    ),
    sort="Target",
)

SIDES = drilldown.beside(
    Sides(
        backend="vllm",
        first_token=mean(own.TTFT),
        first_token_is="vLLM's own, from tokenization on, queue included, HTTP and network left out",
        between_tokens=renamed(mean, own.ITL, own.ITL_BEFORE),
        whole=mean(own.E2E),
    )
)

PHASES = phases(
    "Where a request's time goes, mean",
    "Queue, prefill and decode of the requests that ended, as means: their buckets begin at 300 ms, too high for quantiles. A growing queue: too "
    "little room; prefill: long prompts, or too few cached; decode: long answers, or a large batch.",
    {
        "queue": renamed(partial(mean, by=TOGETHER), own.QUEUE, own.QUEUE_BEFORE),
        "prefill": mean(own.PREFILL, by=TOGETHER),
        "decode": mean(own.DECODE, by=TOGETHER),
    },
)
BUCKETS = lines(
    "Share in the lowest bucket",
    "How much of each histogram fell into its lowest bucket. Above a half its p50 is a guess, above 95 % its p95 too: read the means instead. "
    f"{drilldown.OF_NATIVE_HISTOGRAMS}",
    Unit.RATIO,
    {
        f"{NAME}: first token": first_bucket(own.TTFT),
        f"{NAME}: between tokens": renamed(first_bucket, own.ITL, own.ITL_BEFORE),
        f"{NAME}: whole request": first_bucket(own.E2E),
        f"{NAME}: queue": renamed(first_bucket, own.QUEUE, own.QUEUE_BEFORE),
        f"{NAME}: prefill": first_bucket(own.PREFILL),
    },
    overrides=drilldown.OF_MEASURES,
)
LATENCY = (
    drilldown.felt("vllm"),
    of_engine("Time to first token", "Of all clients, from tokenization to the first output, queue included.", Unit.SECONDS, own.TTFT),
    of_engine(
        "Between outputs",
        "Of all clients, between two outputs of a request, of several tokens where vLLM speculates.",
        Unit.SECONDS,
        own.ITL,
        own.ITL_BEFORE,
    ),
    of_engine(
        "Time per output token, of requests",
        "The mean gap of each request, each once; an answer of one token counts as 0.",
        Unit.SECONDS,
        own.TPOT,
        may_be_empty="old versions of vLLM do not have it.",
    ),
    of_engine("Whole requests", "Of all clients; its lowest bucket reaches to 300 ms.", Unit.SECONDS, own.E2E),
    PHASES,
    spread("Time to first token, spread", "How many requests waited how long.", Unit.SECONDS, own.TTFT, "Blues"),
    spread("Between outputs, spread", "How many outputs came how long after the one before.", Unit.SECONDS, own.ITL, "Blues"),
    BUCKETS,
)

LOAD = (
    lines(
        "Running and waiting",
        "Requests in the batch, and those that wait for it. Waiting above 0 while running stays level: the batch is full.",
        Unit.PLAIN,
        {f"{NAME}: running": level(own.RUNNING), f"{NAME}: waiting": level(own.WAITING)},
        overrides=(Override(matching("running$"), shades=Colour.BLUE), Override(matching("waiting$"), shades=Colour.RED)),
    ),
    stacked(
        "Why requests wait",
        "`capacity`: the batch or the KV cache is full. `deferred`: something passing, like a transfer of KV or a LoRA that is loaded.",
        Unit.PLAIN,
        {f"{NAME}: {{{{{own.REASON}}}}}": level(own.WAITING_BY_REASON, by=(*BY_TARGET, own.REASON))},
        may_be_empty="old versions of vLLM do not say it.",
    ),
    lines(
        "Tokens of a step, mean",
        "Prompt and generated tokens that the engine computes at once: the true size of its batch.",
        Unit.NUMBER,
        {NAME: mean(own.STEP_TOKENS)},
        may_be_empty="vLLM before 0.8 does not say it.",
    ),
    lines(
        "Steps a second",
        "How often the engine computes. Its inverse is how long a step takes while it is busy: tokens come no faster.",
        Unit.PER_SECOND,
        {NAME: observed(own.STEP_TOKENS)},
        may_be_empty="vLLM before 0.8 does not say it.",
    ),
    lines(
        "Tokens a second, of all clients",
        "Prompt tokens when their prefill is over, cached ones included; generated ones as they come.",
        Unit.NUMBER,
        {f"{NAME}: prompt": rate(own.PROMPT_TOKENS), f"{NAME}: generated": rate(own.GENERATION_TOKENS)},
        overrides=(Override(matching("prompt$"), shades=Colour.YELLOW), Override(matching("generated$"), shades=Colour.BLUE)),
    ),
    stacked(
        "How requests ended",
        "`stop` and `length` are well. `abort` and `error` are not, though vLLM's name for all of them is success; `rejected` were answered with "
        "503. Requests whose client went away are counted nowhere.",
        Unit.REQUESTS_PER_SECOND,
        {
            f"{NAME}: {{{{{own.FINISHED_REASON}}}}}": rate(own.FINISHED, by=_FINISHED_BY),
            f"{NAME}: rejected": rate(own.REJECTED),
        },
        overrides=(
            Override(matching(": (stop|length|repetition)$"), shades=Colour.BLUE),
            Override(matching(": (abort|error|rejected)$"), shades=Colour.RED),
        ),
    ),
)

CACHE = (
    lines(
        "KV cache taken, by rank",
        "Share of blocks in use. A mean over ranks would hide a full one, so each stands for itself.",
        Unit.RATIO,
        {RANK_LEGEND: _BY_RANK["cache"]},
    ),
    lines(
        "Prefix cache hits",
        "Share of looked-up prompt tokens that were found. Low with prompts that begin alike: too small a cache, or other replicas get them.",
        Unit.RATIO,
        {NAME: _PREFIX_HITS},
        may_be_empty="vLLM 0.6 tells no numbers of it.",
    ),
    lines(
        "Requests put back",
        "Preemptions a second: the KV cache was full, and what was computed for them is lost. 0 is normal.",
        Unit.PER_SECOND,
        {NAME: rate(own.PREEMPTIONS)},
    ),
    stacked(
        "Prompt tokens by where their KV came from",
        "`local_compute` is the work that prefill really is; the rest was cached, here or elsewhere.",
        Unit.NUMBER,
        {f"{NAME}: {{{{{own.SOURCE}}}}}": rate(own.PROMPT_TOKENS_BY_SOURCE, by=(*BY_TARGET, own.SOURCE))},
        may_be_empty="old versions of vLLM do not say it.",
    ),
    stacked(
        "Cached prompt tokens by tier",
        "From which memory cached tokens came: the GPU's (`device`), the host's, a disk, another process.",
        Unit.NUMBER,
        {f"{NAME}: {{{{{own.SOURCE}}}}}": rate(own.CACHED_TOKENS_BY_SOURCE, by=(*BY_TARGET, own.SOURCE))},
        may_be_empty="old versions of vLLM do not say it.",
    ),
    lines(
        "Hits of other caches",
        "Share of lookups that were found through a KV connector (`external`), and of images and other media (`media`).",
        Unit.RATIO,
        {
            f"{NAME}: external": ratio(rate(own.EXTERNAL_HITS), rate(own.EXTERNAL_QUERIES)),
            f"{NAME}: media": ratio(rate(own.MEDIA_HITS), rate(own.MEDIA_QUERIES)),
        },
        may_be_empty="there is no KV connector, and no request has media.",
    ),
)

BOARD = Board(
    uid=Dashboard.VLLM,
    title="chatprobe / vLLM",
    description="What vLLM says of itself, of all its clients, beside what chatprobe's chats see.",
    variables=standard.variables("vllm"),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", (*NOW, RANKS)),
        Row("Client and engine", SIDES),
        Row("Latency", LATENCY),
        Row("Load", LOAD),
        Row("KV cache", CACHE),
        Row("Prompts and answers", details.SIZES, collapsed=True),
        Row("Speculative decoding", details.SPECULATION, collapsed=True),
        Row("Inside the engine", (*details.INSIDE, drilldown.facts("vllm")), collapsed=True),
        Row("How these numbers come", (*drilldown.scraping("vllm"), drilldown.left_out("vllm")), collapsed=True),
    ),
)
