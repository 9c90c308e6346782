"""vLLM: what it says of itself, beside what a client sees."""

from __future__ import annotations

from dashboards import drilldown, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import Column, StateTimeline, Table
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import ValueText, high_is_bad
from dashboards.drilldown import NAME, Sides, lines, now, of_engine, phases, spread, stacked
from dashboards.native import RANK, RANK_LEGEND, first_bucket, grown, level, mean_of_range, observed, renamed
from dashboards.promql import BY_TARGET, equals, joined, mean, rate, ratio, select
from exporter.metrics.catalogue import BACKEND, REPLICA, TARGET, Dashboard, native
from exporter.metrics.catalogue import vllm as own
from exporter.metrics.catalogue import vllm_options as options

_WHERE = equals(BACKEND, "vllm")
_FULL = high_is_bad(0.8, 0.95)
_KV_USAGE = renamed(lambda metric: level(metric, how="max"), own.KV_CACHE_USAGE, own.KV_CACHE_USAGE_BEFORE)
_PREFIX_HITS = ratio(
    f"({renamed(rate, own.PREFIX_HITS, own.PREFIX_HITS_BEFORE)})", f"({renamed(rate, own.PREFIX_QUERIES, own.PREFIX_QUERIES_BEFORE)})"
)
_FINISHED_BY = (TARGET, own.FINISHED_REASON)

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
    "generated": grown(own.GENERATION_TOKENS.name, own.GENERATION_TOKENS, by=RANK),
    "first": mean_of_range(own.TTFT, by=RANK),
    "token": renamed(lambda metric: mean_of_range(metric, by=RANK), own.ITL, own.ITL_BEFORE),
    "put_back": grown(own.PREEMPTIONS.name, own.PREEMPTIONS, by=RANK),
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
    "Queue, prefill and decode of the requests that ended, as means: their buckets begin at 300 ms, too high for quantiles. A growing queue: too little "
    "room; prefill: long prompts, or too few cached; decode: long answers, or a large batch.",
    {"queue": renamed(mean, own.QUEUE, own.QUEUE_BEFORE), "prefill": mean(own.PREFILL), "decode": mean(own.DECODE)},
)
BUCKETS = lines(
    "Share in the lowest bucket",
    "How much of each histogram fell into its lowest bucket. Above a half its p50 is a guess, above 95 % its p95 too: read the means instead.",
    Unit.RATIO,
    {
        f"{NAME}: first token": first_bucket(own.TTFT),
        f"{NAME}: between tokens": renamed(first_bucket, own.ITL, own.ITL_BEFORE),
        f"{NAME}: whole request": first_bucket(own.E2E),
        f"{NAME}: queue": renamed(first_bucket, own.QUEUE, own.QUEUE_BEFORE),
        f"{NAME}: prefill": first_bucket(own.PREFILL),
    },
)
LATENCY = (
    drilldown.felt("vllm"),
    of_engine("Time to first token", "Of all clients, from tokenization to the first output, queue included.", Unit.SECONDS, own.TTFT),
    of_engine(
        "Between outputs",
        "Of all clients, between two outputs of a request, of several tokens where vLLM speculates.",
        Unit.SECONDS,
        own.ITL,
        may_be_empty="vLLM before 0.11 has it under another name; the mean beside the client's is there for all versions.",
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
        {f"{NAME}: {{{{{own.REASON}}}}}": level(own.WAITING_BY_REASON, by=(TARGET, own.REASON))},
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
        "`stop` and `length` are well. `abort` and `error` are not, though vLLM's name for all of them is success; `rejected` were answered with 503. "
        "Requests whose client went away are counted nowhere.",
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
        "Share of looked-up prompt tokens that were found. Low with prompts that begin alike: the cache is too small, or requests go to other replicas.",
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
        {f"{NAME}: {{{{{own.SOURCE}}}}}": rate(own.PROMPT_TOKENS_BY_SOURCE, by=(TARGET, own.SOURCE))},
        may_be_empty="old versions of vLLM do not say it.",
    ),
    stacked(
        "Cached prompt tokens by tier",
        "From which memory cached tokens came: the GPU's (`device`), the host's, a disk, another process.",
        Unit.NUMBER,
        {f"{NAME}: {{{{{own.SOURCE}}}}}": rate(own.CACHED_TOKENS_BY_SOURCE, by=(TARGET, own.SOURCE))},
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

_LENGTHS = "old versions of vLLM do not have it."
SIZES = (
    of_engine("Prompt tokens of a request", "How long prompts are; prefill takes longer with them.", Unit.NUMBER, own.PROMPT_LENGTH),
    of_engine("Generated tokens of a request", "How long answers are: whole requests take longer with them.", Unit.NUMBER, own.ANSWER_LENGTH),
    of_engine("Prompt tokens to compute", "What of a prompt was not cached.", Unit.NUMBER, own.COMPUTED_LENGTH, may_be_empty=_LENGTHS),
    of_engine(
        "Tokens asked for", "`max_tokens` of requests; far above what is generated, it makes room that nobody uses.", Unit.NUMBER, own.ASKED_LENGTH
    ),
    spread("Prompt tokens, spread", "How many requests had prompts how long.", Unit.NUMBER, own.PROMPT_LENGTH, "Oranges"),
    spread("Generated tokens, spread", "How many requests had answers how long.", Unit.NUMBER, own.ANSWER_LENGTH, "Greens"),
)

_NO_SPECULATION = "vLLM does not speculate."
SPECULATION = (
    lines(
        "Proposed tokens that were accepted",
        "Share of the draft's tokens. Low: the draft model does not fit what is asked, and its work is lost.",
        Unit.RATIO,
        {NAME: ratio(rate(options.ACCEPTED_TOKENS), rate(options.DRAFT_TOKENS))},
        may_be_empty=_NO_SPECULATION,
    ),
    lines(
        "Tokens of a step of speculation, mean",
        "1, and the accepted tokens of a draft: how many times faster decoding can be.",
        Unit.NUMBER,
        {NAME: f"1 + {ratio(rate(options.ACCEPTED_TOKENS), rate(options.DRAFTS))}"},
        may_be_empty=_NO_SPECULATION,
    ),
    lines(
        "Accepted by place in the draft",
        "Share of drafts whose token at this place, from 0, was accepted. Where it is near 0, drafts are too long.",
        Unit.RATIO,
        {
            f"{NAME}: {{{{{options.POSITION}}}}}": f"{rate(options.ACCEPTED_BY_POSITION, by=(*BY_TARGET, options.POSITION))}"
            f" / on ({', '.join(BY_TARGET)}) group_left () ({rate(options.DRAFTS)} > 0)"
        },
        may_be_empty=_NO_SPECULATION,
    ),
)

_CONFIG = (TARGET, REPLICA, own.ENGINE, *own.CONFIG_LABELS)
_CONFIG_TITLES = ("Target", "Replica", "Rank", "Block, tokens", "Blocks", "Type", "Prefix caching", "Share of GPU memory")
INSIDE = (
    Table(
        title="KV cache configuration",
        description="As the engine was started. Blocks times the block's size are the tokens that all requests together can have.",
        unit=Unit.TEXT,
        width=16,
        height=6,
        queries=(Query(joined("max", select(own.CACHE_CONFIG), _CONFIG)),),
        columns=tuple(Column(source=source, title=title) for source, title in zip(_CONFIG, _CONFIG_TITLES, strict=True)),
        sort="Target",
    ),
    now(
        "KV cache, tokens",
        "How many tokens of all requests together the cache holds.",
        Unit.NUMBER,
        level(native.KV_CACHE_CAPACITY, _WHERE),
        width=8,
    ),
    StateTimeline(
        title="Awake or asleep",
        description="An engine that sleeps has given its memory away; the next request wakes it nowhere by itself.",
        unit=Unit.PLAIN,
        width=12,
        height=5,
        queries=(Query(level(own.SLEEPING, equals(own.SLEEP_STATE, "awake"), how="min", by=(TARGET, REPLICA)), f"{NAME} {{{{{REPLICA}}}}}"),),
        mappings=(ValueText(0, "asleep", Colour.PURPLE), ValueText(1, "awake", Colour.BLUE)),
        may_be_empty="old versions of vLLM do not say it.",
    ),
    lines(
        "Life of a block of the KV cache, mean",
        "How long a block lives, is idle before it is evicted, and waits for its next use. Short lives: the cache is too small for what could be reused.",
        Unit.SECONDS,
        {f"{NAME}: life": mean(options.BLOCK_LIFETIME), f"{NAME}: idle": mean(options.BLOCK_IDLE), f"{NAME}: reuse": mean(options.BLOCK_REUSE)},
        width=12,
        may_be_empty="vLLM tells it with `--kv-cache-metrics` only.",
    ),
    lines(
        "Floating-point operations a second, of a GPU",
        "As vLLM reckons them; divide by what the GPU can do for its use. 0: vLLM reckons them with `--enable-mfu-metrics` only.",
        Unit.NUMBER,
        {NAME: rate(own.FLOPS)},
        width=12,
        may_be_empty="old versions of vLLM do not say it.",
    ),
    lines(
        "Memory traffic of a GPU",
        "Bytes read and written a second, as vLLM reckons them. Decoding is bound by it. 0: with `--enable-mfu-metrics` only.",
        Unit.BYTES_PER_SECOND,
        {f"{NAME}: read": rate(own.BYTES_READ), f"{NAME}: written": rate(own.BYTES_WRITTEN)},
        width=12,
        may_be_empty="old versions of vLLM do not say it.",
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
        Row("Prompts and answers", SIZES, collapsed=True),
        Row("Speculative decoding", SPECULATION, collapsed=True),
        Row("Inside the engine", (*INSIDE, drilldown.facts("vllm")), collapsed=True),
        drilldown.scraping("vllm"),
    ),
)
