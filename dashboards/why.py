"""Why it is slow: what the client saw beside what the engines say of themselves, and of what they share."""

from __future__ import annotations

from functools import partial

from catalogue import own, sglang, tgi, vllm
from catalogue import unified as native
from catalogue.engines import ENGINES
from catalogue.metric import BACKEND, MODEL, TARGET
from catalogue.uids import Dashboard
from dashboards import engines, pods, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, cell
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import Column, Stat, Table, Text, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import NothingText, high_is_bad
from dashboards.drilldown import DASHED_ENGINE, TO_LATENCY, lines, phases, stacked
from dashboards.engine_queries import TOGETHER, grown, level, mean_of_range, renamed
from dashboards.promql import BY_TARGET, equals, mean, rate, ratio

_CLIENT, _ENGINE, _CHATS = own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT, own.GAP_CHATS
_GAP = ratio(f"({rate(_CLIENT)} - {rate(_ENGINE)})", rate(_CHATS))
_SAME_CHATS = (
    "no engine's own time is known of the very chats: vLLM tells it with each chat (--enable-per-request-metrics) or while it has no other requests, "
    "Ollama always, TGI, SGLang and llama.cpp never."
)
_OTHERS_UNKNOWN = "Ollama tells nothing of other clients."
_TO_ENGINE = (*engines.LINKS, TO_LATENCY)


def _at_most_all(ours: str, theirs: str) -> str:
    """A share that is told by two clocks: chatprobe counts a chat when it ends, the engine's numbers are read at an interval."""
    return f"clamp_max({ratio(ours, theirs)}, 1)"


def _by_target(title: str, description: str, unit: Unit, expr: str, may_be_empty: str = "", width: int = 8) -> TimeSeries:
    """A line for each target in its engine's colour, with links to all that is known of the engine."""
    return lines(title, description, unit, {engines.LEGEND: expr}, may_be_empty=may_be_empty, links=_TO_ENGINE, width=width)


GUIDE = Text(
    title="How to find out why",
    description="The order in which to read this dashboard.",
    width=16,
    height=6,
    content="""\
1. **Before the engine, or in it?** *Outside the engine* is what the client waited beyond what the engine says, of the same chats: network, TLS, a
   gateway, tokenization. If it grows, look at the phases on *Latency*. Where *gathered* is above 0, a router holds tokens back: mend that first.
2. **In the engine, where?** *Queue* grows: too many requests, no free slot, or no room in the KV cache. *Prefill*: long prompts, or the
   prefix cache misses. *Decode*: a large batch. *Load* (Ollama): the model was not in memory.
3. **Who is it?** Requests at once, and chatprobe's own share of the engine's work.
4. **What it runs on**: the pods' GPUs, CPUs and memory, at the bottom.
""",
)
TRAILS = Text(
    title="One chat, in the engine",
    description="Where each engine shows a single chat. Its `request_id` and time are in chatprobe's log and records, and in each dot of *Latency*.",
    width=24,
    height=6,
    content="".join(f"- **{engine.title}**: {engine.trail.words()}.\n" for engine in ENGINES),
)
OUTSIDE = Stat(
    title="Outside the engine now",
    description="Time to first token that the client waited and that the engine does not know of, mean. Some milliseconds are normal; a tenth of a "
    "second is a gateway, a long way, or a frontend that is short of CPU.",
    unit=Unit.SECONDS,
    width=8,
    height=6,
    queries=(Query(_GAP, engines.LEGEND),),
    thresholds=high_is_bad(0.05, 0.2),
    value_links=_TO_ENGINE,
    may_be_empty=_SAME_CHATS,
)
GAP = lines(
    "Time to first token of the same chats: client and engine, mean",
    "Solid: what the client waited; dashed: what the engine says of the very same chats. The room between them is not the engine's.",
    Unit.SECONDS,
    {f"{engines.LEGEND}: client": ratio(rate(_CLIENT), rate(_CHATS)), f"{engines.LEGEND}: engine": ratio(rate(_ENGINE), rate(_CHATS))},
    overrides=(DASHED_ENGINE,),
    may_be_empty=_SAME_CHATS,
    links=_TO_ENGINE,
    width=12,
)
OUTSIDE_OVER_TIME = _by_target(
    "Outside the engine",
    "Client less engine, mean. Where vLLM tells it with each chat, tokenization is in here. A little below 0: clocks differ.",
    Unit.SECONDS,
    _GAP,
    _SAME_CHATS,
    width=12,
)
TOKENS_GAP = lines(
    "Between tokens: client and engine, mean",
    "Solid: what chatprobe's chats saw; dashed: what the engine says of all its clients. Far apart: something on the way holds tokens back.",
    Unit.SECONDS,
    {f"{engines.LEGEND}: client": mean(own.ITL), f"{engines.LEGEND}: engine": mean(native.ITL)},
    overrides=(DASHED_ENGINE,),
    links=_TO_ENGINE,
    width=12,
)
GATHERED = _by_target(
    "Chats whose tokens were gathered",
    "Share of chats whose tokens came several at once, and then none for a while: a router, a proxy or a gateway on the way holds them back. "
    "Times of tokens are then what users feel, and not the engine's.",
    Unit.RATIO,
    ratio(rate(own.GATHERED), rate(own.PROBES)),
    width=12,
)

_OF_ROW = ((TARGET, cell("Target")), (BACKEND, cell("Engine")))
_compared = grown(_CHATS)
_client_waited = ratio(grown(_CLIENT), _compared)
_engine_said = ratio(grown(_ENGINE), _compared)
_outside = ratio(f"({grown(_CLIENT)} - {grown(_ENGINE)})", _compared)
_SIDE_BY_SIDE = {
    "first": mean_of_range(own.TTFT),
    "client": _client_waited,
    "engine": _engine_said,
    "outside": _outside,
    "compared": _compared,
    "queue": mean_of_range(native.QUEUE),
    "load": mean_of_range(native.LOAD),
    "prefill": mean_of_range(native.PREFILL),
    "token": mean_of_range(own.TPOT),
    "own_token": mean_of_range(native.TPOT),
}
_UNTOLD = (NothingText("not told", Colour.GREY),)
TABLE = Table(
    title="Where the time goes, by target",
    description="Means over the time range shown. Client and engine are of the same chats; queue, load and prefill of all requests that the engine "
    "tells of. Not told: this engine does not say it. Click a target or an engine for more.",
    unit=Unit.SECONDS,
    width=24,
    height=7,
    queries=tuple(Query(expr, ref=ref) for ref, expr in _SIDE_BY_SIDE.items()),
    columns=(
        Column(source=TARGET, title="Target", unit=Unit.TEXT, links=(Link("Latency of this target", Dashboard.LATENCY, _OF_ROW),)),
        Column(source=BACKEND, title="Engine", unit=Unit.TEXT, cell=Cell.COLOURED_TEXT, mappings=engines.TEXTS, links=engines.LINKS),
        Column(source="first", title="TTFT, all chats"),
        Column(source="client", title="TTFT, client", mappings=_UNTOLD),
        Column(source="engine", title="TTFT, engine", mappings=_UNTOLD),
        Column(source="outside", title="Outside", cell=Cell.COLOURED, thresholds=high_is_bad(0.05, 0.2), mappings=_UNTOLD),
        Column(source="compared", title="Of chats", unit=Unit.NUMBER, decimals=0, mappings=_UNTOLD),
        Column(source="queue", title="Queue", mappings=_UNTOLD),
        Column(source="load", title="Load", mappings=_UNTOLD),
        Column(source="prefill", title="Prefill", mappings=_UNTOLD),
        Column(source="token", title="TPOT, client"),
        Column(source="own_token", title="TPOT, engine", mappings=_UNTOLD),
    ),
    sort="Target",
)

_OF_OLLAMA = equals(BACKEND, "ollama")
_NO_TRAFFIC = "there is no such engine among the targets, or nobody asks it."
WITHIN = (
    phases(
        "vLLM: queue, prefill, decode, mean",
        "Of the requests that ended, all clients. Means, as vLLM's buckets for them begin at 300 ms, above what is normal.",
        {
            "queue": renamed(partial(mean, by=TOGETHER), vllm.QUEUE, vllm.QUEUE_BEFORE),
            "prefill": mean(vllm.PREFILL, by=TOGETHER),
            "decode": mean(vllm.DECODE, by=TOGETHER),
        },
        width=6,
        may_be_empty=_NO_TRAFFIC,
    ),
    phases(
        "TGI: validation, queue, inference, mean",
        "Of the requests that succeeded, all clients; inference is the time in batches, prefill included.",
        {
            "validation": mean(tgi.VALIDATION, by=TOGETHER),
            "queue": mean(tgi.QUEUE, by=TOGETHER),
            "inference": mean(tgi.INFERENCE, by=TOGETHER),
        },
        width=6,
        may_be_empty=_NO_TRAFFIC,
    ),
    phases(
        "SGLang: queue, prefill, mean",
        "Of all clients, until the first token. A growing queue: too little room; prefill: long prompts, or too few cached.",
        {"queue": mean(sglang.QUEUE, by=TOGETHER), "prefill": mean(sglang.STAGES, equals(sglang.STAGE, sglang.PREFILLING), by=TOGETHER)},
        width=6,
        may_be_empty=_NO_TRAFFIC,
    ),
    phases(
        "Ollama: load, queue, prefill, decode, mean",
        "Of chatprobe's own chats. Queue is the wait for a slot (`OLLAMA_NUM_PARALLEL`).",
        {
            "load": mean(native.LOAD, _OF_OLLAMA, by=TOGETHER),
            "queue": mean(native.QUEUE, _OF_OLLAMA, by=TOGETHER),
            "prefill": mean(native.PREFILL, _OF_OLLAMA, by=TOGETHER),
            "decode": mean(native.DECODE, _OF_OLLAMA, by=TOGETHER),
        },
        width=6,
        may_be_empty=_NO_TRAFFIC,
    ),
    _by_target(
        "Queue, mean",
        "How long requests wait for the engine to begin.",
        Unit.SECONDS,
        mean(native.QUEUE),
        f"only {native.engines_that_tell(native.QUEUE)} tell it.",
    ),
    _by_target(
        "Prefill, mean",
        "Work on the prompt. vLLM, SGLang: of a request; TGI: of a batch; Ollama: what was not cached. Compare each with itself, not with others.",
        Unit.SECONDS,
        mean(native.PREFILL),
    ),
    _by_target(
        "Time until a model is ready, mean",
        "Ollama's loading: milliseconds while the model stays in memory, seconds where a chat waited for it.",
        Unit.SECONDS,
        mean(native.LOAD),
        "only Ollama loads models on demand.",
    ),
)

LOAD = (
    _by_target(
        "Requests at once", "The batch that the engine works on, of all clients.", Unit.PLAIN, level(native.REQUESTS_RUNNING), _OTHERS_UNKNOWN
    ),
    _by_target(
        "Requests that wait",
        "Above 0 for long, the engine is given more than it can do; time to first token follows.",
        Unit.PLAIN,
        level(native.REQUESTS_WAITING),
        _OTHERS_UNKNOWN,
    ),
    stacked(
        "Requests refused, failed, put back",
        "A second, by the engine's own count. Refused: its queue is full. Put back: its KV cache is.",
        Unit.PER_SECOND,
        {
            f"{engines.LEGEND}: refused": rate(native.REQUESTS_REJECTED),
            f"{engines.LEGEND}: failed": rate(native.REQUESTS_FAILED),
            f"{engines.LEGEND}: put back": rate(native.PREEMPTIONS),
        },
        overrides=(
            Override(matching("refused$"), shades=Colour.RED),
            Override(matching("failed$"), shades=Colour.PURPLE),
            Override(matching("put back$"), shades=Colour.YELLOW),
        ),
        links=_TO_ENGINE,
        may_be_empty=_OTHERS_UNKNOWN,
    ),
    _by_target(
        "KV cache taken",
        "Share of the fullest rank. Near 100 %, requests wait or are put back.",
        Unit.RATIO,
        level(native.KV_CACHE_USAGE, how="max"),
        f"only {native.engines_that_tell(native.KV_CACHE_USAGE)} tell it.",
    ),
    _by_target(
        "Prefix cache hits",
        "Share of looked-up prompt tokens that were found. A drop makes prefill longer.",
        Unit.RATIO,
        ratio(rate(native.PREFIX_CACHE_HITS), rate(native.PREFIX_CACHE_QUERIES)),
        f"only {native.engines_that_tell(native.PREFIX_CACHE_QUERIES)} tell it.",
    ),
    _by_target(
        "Tokens of a step, mean",
        "Prompt and generated tokens that vLLM computes at once: a long prefill among them holds back all who are decoding.",
        Unit.NUMBER,
        mean(vllm.STEP_TOKENS),
        "only vLLM tells it.",
    ),
)

SHARE = (
    _by_target(
        "Chatprobe's share of generated tokens",
        "What of the engine's work is chatprobe's own. Most engines count when requests end, so their shares swing. Near 100 %: nobody else asks.",
        Unit.RATIO,
        _at_most_all(rate(own.OUTPUT_TOKENS, engines.OF_ALL_CLIENTS), rate(native.GENERATION_TOKENS, engines.OF_ALL_CLIENTS)),
        _OTHERS_UNKNOWN,
    ),
    _by_target(
        "Chatprobe's share of prompt tokens",
        "The same of prompts. Long prompts of others show here first.",
        Unit.RATIO,
        _at_most_all(rate(own.INPUT_TOKENS, engines.OF_ALL_CLIENTS), rate(native.PROMPT_TOKENS, engines.OF_ALL_CLIENTS)),
        _OTHERS_UNKNOWN,
    ),
    _by_target(
        "Tokens a second, of all clients",
        "What the engine generates. It falls while requests wait: the engine is slower; it falls with them: it is asked for less.",
        Unit.NUMBER,
        rate(native.GENERATION_TOKENS),
    ),
)

MEMORY = (
    stacked(
        "Memory by model",
        "What each model in memory takes. A model that comes and goes pushes others out, or is let go when idle.",
        Unit.BYTES,
        {f"{engines.LEGEND}: {{{{{MODEL}}}}}": level(native.MODEL_MEMORY, by=(*BY_TARGET, MODEL))},
        width=12,
        may_be_empty="only Ollama tells it, of models in memory.",
        links=_TO_ENGINE,
    ),
    _by_target(
        "Share of models on GPUs",
        "Below 100 %, layers run on the CPU, and every token is several times slower.",
        Unit.RATIO,
        ratio(level(native.MODEL_VRAM), level(native.MODEL_MEMORY)),
        "only Ollama tells it, of models in memory.",
        width=12,
    ),
)

BOARD = Board(
    uid=Dashboard.WHY,
    title="chatprobe / Why",
    description="Why it is slow: the client's view beside the engines' own numbers, from the network down to the GPU.",
    variables=(*standard.variables(), *pods.VARIABLES),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("The engine, or the way to it", (GUIDE, OUTSIDE, TABLE, GAP, OUTSIDE_OVER_TIME, TOKENS_GAP, GATHERED)),
        Row("In the engine", WITHIN),
        Row("Its load", LOAD),
        Row("Whose load it is", SHARE),
        Row("Ollama's models", MEMORY),
        Row("One chat", (TRAILS,)),
        pods.ROW,
    ),
)
