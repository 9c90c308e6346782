"""SGLang: what it says of itself, beside what a client sees.

What its ranks say is brought together under the names that all engines share, and taken from there.
"""

from __future__ import annotations

from catalogue import sglang as own
from catalogue import unified as native
from catalogue.metric import BACKEND, REPLICA
from catalogue.uids import Dashboard
from dashboards import drilldown, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Override, matching
from dashboards.dash.units import Unit
from dashboards.dash.values import high_is_bad
from dashboards.drilldown import NAME, Sides, lines, now, of_engine, phases, spread, stacked
from dashboards.engine_queries import TOGETHER, first_bucket, level
from dashboards.promql import BY_TARGET, equals, mean, rate, ratio

_WHERE = equals(BACKEND, "sglang")
_PREFILL = equals(own.STAGE, own.PREFILLING)
_RUNNING, _WAITING = level(native.REQUESTS_RUNNING, _WHERE), level(native.REQUESTS_WAITING, _WHERE)
_BY_RANK = (*BY_TARGET, REPLICA, own.TP_RANK, own.PP_RANK)
_LAZY = "SGLang has no series for what has not happened yet."
_OLDER = "older versions of SGLang do not say it."
_AT_THE_END = "SGLang counts them when a request ends, so they come in lumps."

NOW = (
    now("Requests a second", "Requests that ended, of all clients, those given up by them included.", Unit.REQUESTS_PER_SECOND, rate(own.ENDED)),
    now("Prompt tokens a second", f"Of all clients, cached ones included. {_AT_THE_END}", Unit.NUMBER, rate(own.PROMPT_TOKENS)),
    now("Generated tokens a second", f"Of all clients. {_AT_THE_END}", Unit.NUMBER, rate(own.GENERATION_TOKENS)),
    now("Running", "Requests in the batch. More of them make each slower, and the engine as a whole faster.", Unit.PLAIN, _RUNNING),
    now(
        "Waiting",
        "Requests that wait to be scheduled. Above 0 for long: too few engines, or too small a KV cache.",
        Unit.PLAIN,
        _WAITING,
        thresholds=high_is_bad(1, 10),
    ),
    now(
        "KV cache, fullest rank",
        "Share that running requests hold; cached prefixes make room. Near 100 %, requests wait or are put back.",
        Unit.RATIO,
        level(native.KV_CACHE_USAGE, _WHERE, how="max"),
        thresholds=high_is_bad(0.8, 0.95),
    ),
)

SIDES = drilldown.beside(
    Sides(
        backend="sglang",
        first_token=mean(own.TTFT),
        first_token_is="SGLang's own, from the request's arrival on, queue included, network left out",
        between_tokens=mean(own.ITL),
        whole=mean(own.E2E),
    )
)

LATENCY = (
    drilldown.felt("sglang"),
    of_engine("Time to first token", "Of all clients, from arrival to the first output, queue included.", Unit.SECONDS, own.TTFT),
    of_engine("Between tokens", "Of all clients: time between two outputs by the tokens in the later one.", Unit.SECONDS, own.ITL),
    of_engine(
        "Time per output token, of requests",
        "The mean gap of each request, each once; answers of one token are left out.",
        Unit.SECONDS,
        own.TPOT,
        may_be_empty=_OLDER,
    ),
    of_engine("Whole requests", "Of all clients; aborted ones included.", Unit.SECONDS, own.E2E),
    phases(
        "Until the first token, mean",
        "Queue and prefill. A queue that grows: too little room; prefill: long prompts, or too few cached.",
        {"queue": mean(own.QUEUE, by=TOGETHER), "prefill": mean(own.STAGES, _PREFILL, by=TOGETHER)},
        may_be_empty=_OLDER,
    ),
    spread("Time to first token, spread", "How many requests waited how long.", Unit.SECONDS, own.TTFT, "Purples"),
    spread("Between tokens, spread", "How many tokens came how long after the one before.", Unit.SECONDS, own.ITL, "Purples"),
    lines(
        "Share in the lowest bucket",
        "How much of each histogram fell into its lowest bucket. Above a half its p50 is a guess, above 95 % its p95 too: read the means instead. "
        f"{drilldown.OF_NATIVE_HISTOGRAMS}",
        Unit.RATIO,
        {
            f"{NAME}: first token": first_bucket(own.TTFT),
            f"{NAME}: between tokens": first_bucket(own.ITL),
            f"{NAME}: whole request": first_bucket(own.E2E),
            f"{NAME}: queue": first_bucket(own.QUEUE),
            f"{NAME}: prefill": first_bucket(own.STAGES, _PREFILL),
        },
        overrides=drilldown.OF_MEASURES,
    ),
)

LOAD = (
    lines(
        "Running and waiting",
        "Requests in the batch, and those that wait for it. Waiting above 0 while running stays level: the batch is full.",
        Unit.PLAIN,
        {f"{NAME}: running": _RUNNING, f"{NAME}: waiting": _WAITING},
        overrides=(Override(matching("running$"), shades=Colour.PURPLE), Override(matching("waiting$"), shades=Colour.RED)),
    ),
    stacked(
        "Tokens as they are worked on",
        "A second: `prefill_compute` is the work that prompts really are, `prefill_cache` was found, `decode` are the tokens of answers.",
        Unit.NUMBER,
        {f"{NAME}: {{{{{own.MODE}}}}}": rate(own.REALTIME_TOKENS, by=(*BY_TARGET, own.MODE))},
        overrides=(
            Override(matching(": prefill_compute$"), shades=Colour.YELLOW),
            Override(matching(": prefill_cache$"), shades=Colour.GREEN),
            Override(matching(": decode$"), shades=Colour.BLUE),
        ),
        may_be_empty=_OLDER,
    ),
    lines(
        "Generated tokens a second, as SGLang reckons",
        "Its own gauge of the last steps. It keeps its last value while nothing is asked.",
        Unit.NUMBER,
        {NAME: level(own.THROUGHPUT)},
    ),
    lines(
        "Requests that ended",
        "A second. `given up`: their clients went away. What a full queue turns away is counted nowhere; chatprobe's own chats show it.",
        Unit.REQUESTS_PER_SECOND,
        {f"{NAME}: ended": rate(own.ENDED), f"{NAME}: given up": rate(own.ABORTED)},
        overrides=(Override(matching(": ended$"), shades=Colour.PURPLE), Override(matching(": given up$"), shades=Colour.YELLOW)),
    ),
    stacked(
        "HTTP answers",
        "A second, by status, of all clients and all paths. A full queue is answered with 200 and an error behind it.",
        Unit.REQUESTS_PER_SECOND,
        {f"{NAME}: {{{{status_code}}}}": rate(own.HTTP_RESPONSES, by=(*BY_TARGET, "status_code"))},
        may_be_empty=_OLDER,
    ),
    lines(
        "Requests put back",
        "A second: the KV cache was full, and what was computed for them is lost. 0 is normal.",
        Unit.PER_SECOND,
        {NAME: rate(native.PREEMPTIONS, _WHERE)},
        may_be_empty=_OLDER,
    ),
)

CACHE = (
    lines(
        "KV cache taken, by rank",
        "Share that running requests hold. A mean over ranks would hide a full one, so each stands for itself.",
        Unit.RATIO,
        {f"{NAME} {{{{{REPLICA}}}}} #{{{{{own.TP_RANK}}}}}.{{{{{own.PP_RANK}}}}}": level(own.USAGE, how="max", by=_BY_RANK)},
        width=6,
    ),
    stacked(
        "What the KV cache holds",
        "Tokens that running requests hold, cached ones that make room where it is needed, and free ones.",
        Unit.NUMBER,
        {
            f"{NAME}: used": level(own.KV_USED),
            f"{NAME}: cached": level(own.KV_EVICTABLE),
            f"{NAME}: free": level(own.KV_AVAILABLE),
        },
        overrides=(
            Override(matching(": used$"), shades=Colour.PURPLE),
            Override(matching(": cached$"), shades=Colour.GREEN),
            Override(matching(": free$"), shades=Colour.GREY),
        ),
        width=6,
        may_be_empty=_OLDER,
    ),
    lines(
        "Prefix cache hits",
        "Share of prompt tokens that were found. Low with prompts that begin alike: too small a cache, or other replicas get them.",
        Unit.RATIO,
        {NAME: ratio(rate(native.PREFIX_CACHE_HITS, _WHERE), rate(native.PREFIX_CACHE_QUERIES, _WHERE))},
        width=6,
    ),
    stacked(
        "Cached prompt tokens by tier",
        "From which memory cached tokens came: the GPU's (`device`), the host's, or a storage.",
        Unit.NUMBER,
        {f"{NAME}: {{{{{own.CACHE_SOURCE}}}}}": rate(own.CACHED_TOKENS, by=(*BY_TARGET, own.CACHE_SOURCE))},
        width=6,
        may_be_empty=f"no prompt was found. {_LAZY}",
    ),
)

SIZES = (
    of_engine("Prompt tokens of a request", "How long prompts are, of requests that ended.", Unit.NUMBER, own.PROMPT_LENGTH),
    of_engine(
        "Prompt tokens that were computed",
        "What of a request's prompt was not cached.",
        Unit.NUMBER,
        own.COMPUTED_LENGTH,
        may_be_empty=_OLDER,
    ),
    of_engine("Generated tokens of a request", "How long answers are.", Unit.NUMBER, own.ANSWER_LENGTH),
)

_BY_DEFAULT = "it is of real servers only, and of newer versions."
INSIDE = (
    lines(
        "Tokens of a step of speculation",
        "What a step gives a request, its own token included. 0: SGLang does not speculate.",
        Unit.NUMBER,
        {NAME: level(own.SPEC_LENGTH, how="max")},
        may_be_empty=_BY_DEFAULT,
    ),
    lines(
        "Proposed tokens that were accepted",
        "As a share. Low: the draft model costs more than it gives.",
        Unit.RATIO,
        {NAME: level(own.SPEC_RATE, how="max")},
        may_be_empty=_BY_DEFAULT,
    ),
    lines(
        "Room that the scheduler books",
        "Share of its longest answer for which a request needs room to be let in. It falls until requests have to be put back.",
        Unit.RATIO,
        {NAME: level(own.NEW_TOKEN_RATIO, how="max")},
        may_be_empty=_BY_DEFAULT,
    ),
    stacked(
        "Passes of the model",
        "A second, by how they ran: those outside of a CUDA graph are slower.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.MODE}}}}}": rate(own.GRAPH_PASSES, by=(*BY_TARGET, own.MODE))},
        may_be_empty=_BY_DEFAULT,
    ),
    lines(
        "CPU of the scheduler",
        "Share of a core. Near 100 %, the GPU waits for it.",
        Unit.RATIO,
        {NAME: rate(own.SCHEDULER_CPU)},
        may_be_empty=_BY_DEFAULT,
    ),
    stacked(
        "Memory of the GPU",
        "GB: weights, KV cache, captured graphs.",
        Unit.NUMBER,
        {
            f"{NAME}: {name}": level(metric)
            for name, metric in (("weights", own.WEIGHT_MEMORY), ("KV cache", own.KV_MEMORY), ("graphs", own.GRAPH_MEMORY))
        },
        may_be_empty=_BY_DEFAULT,
    ),
)

BOARD = Board(
    uid=Dashboard.SGLANG,
    title="chatprobe / SGLang",
    description="What SGLang says of itself, of all its clients, beside what chatprobe's chats see.",
    variables=standard.variables("sglang"),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", NOW),
        Row("Client and engine", SIDES),
        Row("Latency", LATENCY),
        Row("Load", LOAD),
        Row("KV cache", CACHE),
        Row("Prompts and answers", SIZES, collapsed=True),
        Row("Inside the engine", (*INSIDE, drilldown.facts("sglang")), collapsed=True),
        Row("How these numbers come", (*drilldown.scraping("sglang"), drilldown.left_out("sglang")), collapsed=True),
    ),
)
