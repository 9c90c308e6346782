"""Ollama, which has no page of metrics: what it says with each of chatprobe's chats, and of the models in memory."""

from __future__ import annotations

from dataclasses import replace

from catalogue import own
from catalogue import unified as native
from catalogue.metric import BACKEND, MODEL, TARGET, Metric
from catalogue.uids import Dashboard
from dashboards import drilldown, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import Column, StateTimeline, Table
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import Thresholds, ValueText
from dashboards.drilldown import NAME, Sides, lines, now, phases, spread, stacked
from dashboards.engine_queries import TOGETHER, level, observed, seconds
from dashboards.promql import BY_TARGET, equals, joined, mean, rate, ratio, select

_WHERE = equals(BACKEND, "ollama")
_BY_MODEL = (*BY_TARGET, MODEL)
_MODEL_NAME = f"{NAME}: {{{{{MODEL}}}}}"
_NO_MODEL = "no model is in memory."
_LOADING = f'{own.REASON}=~"model_not_loaded|loads_model|loading|load_failed"'


def _speed(tokens: str, phase: Metric) -> str:
    """Tokens of a second in which the engine was in this phase."""
    return ratio(tokens, seconds(phase, _WHERE))


NOW = (
    now(
        "Chats a second",
        "Chats of chatprobe that ended. Ollama tells nothing of other clients.",
        Unit.REQUESTS_PER_SECOND,
        rate(own.PROBES, _WHERE),
    ),
    now(
        "Decode, tokens a second",
        "How fast one answer is generated, without waiting for its first token.",
        Unit.NUMBER,
        f"1 / ({mean(native.TPOT, _WHERE)})",
    ),
    now(
        "Model in memory",
        "1: the target's model is loaded. 0: the next chat waits until it is, or is not sent, unless `load_model` allows it.",
        Unit.PLAIN,
        joined("min", select(own.MODEL_LOADED, _WHERE)),
        thresholds=Thresholds(Colour.PURPLE, ((1, Colour.GREEN),)),
    ),
    now(
        "Memory of its models", "All models that are loaded, on GPUs or not.", Unit.BYTES, level(native.MODEL_MEMORY, _WHERE), may_be_empty=_NO_MODEL
    ),
    now(
        "Share on GPUs",
        "Below 100 %, layers run on the CPU, and every token is several times slower.",
        Unit.RATIO,
        ratio(level(native.MODEL_VRAM, _WHERE), level(native.MODEL_MEMORY, _WHERE)),
        thresholds=Thresholds(Colour.RED, ((0.5, Colour.YELLOW), (0.999, Colour.GREEN))),
        may_be_empty=_NO_MODEL,
    ),
    now(
        "Next model to be unloaded",
        "When the first of the idle models leaves memory: each chat with it puts that off.",
        Unit.SINCE,
        f"1000 * {joined('min', select(native.MODEL_EXPIRY, _WHERE))}",
        may_be_empty=_NO_MODEL,
    ),
)

SIDES = drilldown.beside(
    Sides(
        backend="ollama",
        first_token=mean(native.TTFT, _WHERE),
        first_token_is="Ollama's own, with loading and the wait for a slot",
        between_tokens=mean(native.ITL, _WHERE),
        whole=mean(native.E2E, _WHERE),
    )
)

_SPREADS = tuple(
    replace(panel, width=6)
    for panel in (
        spread("Loading, spread", "How many chats waited how long for the model.", Unit.SECONDS, native.LOAD, "Purples", _WHERE),
        spread("Waiting for a slot, spread", "How many chats waited how long for a slot.", Unit.SECONDS, native.QUEUE, "Reds", _WHERE),
        spread("Prompt evaluation, spread", "How long prompts took, without what was cached.", Unit.SECONDS, native.PREFILL, "Oranges", _WHERE),
        spread("Between tokens, spread", "By Ollama's own stamps of the pieces of an answer.", Unit.SECONDS, native.ITL, "Oranges", _WHERE),
    )
)
TIMES = (
    drilldown.felt("ollama"),
    phases(
        "Where a chat's time goes, mean",
        "Loading, the wait for a slot, prompt evaluation, generation. A queue that grows: others use the slots (`OLLAMA_NUM_PARALLEL`).",
        {
            "load": mean(native.LOAD, _WHERE, by=TOGETHER),
            "queue": mean(native.QUEUE, _WHERE, by=TOGETHER),
            "prefill": mean(native.PREFILL, _WHERE, by=TOGETHER),
            "decode": mean(native.DECODE, _WHERE, by=TOGETHER),
        },
    ),
    lines(
        "Waiting for a slot, mean",
        "Until one of the slots (`OLLAMA_NUM_PARALLEL`) was free. Some milliseconds are the chat template and Ollama's own overhead.",
        Unit.SECONDS,
        {NAME: mean(native.QUEUE, _WHERE)},
    ),
    lines(
        "Loading, mean",
        "Until the model was ready. Some milliseconds while it stays in memory; seconds where a chat had to load it, or another had to go first.",
        Unit.SECONDS,
        {NAME: mean(native.LOAD, _WHERE)},
    ),
    lines(
        "Prompt tokens a second of prefill",
        "Prompt tokens by the time of their evaluation. Cached tokens count and take no time, so it leaps where prompts begin alike.",
        Unit.NUMBER,
        {NAME: _speed(rate(native.PROMPT_TOKENS, _WHERE), native.PREFILL)},
    ),
    lines(
        "Generated tokens a second of decode",
        "How fast answers are written, by Ollama's own clock. A drop with no change of the model: layers left the GPU, or others share it.",
        Unit.NUMBER,
        {NAME: f"1 / ({mean(native.TPOT, _WHERE)})"},
    ),
    *_SPREADS,
)

_MODELS = {
    "memory": level(native.MODEL_MEMORY, _WHERE, by=_BY_MODEL),
    "vram": ratio(level(native.MODEL_VRAM, _WHERE, by=_BY_MODEL), level(native.MODEL_MEMORY, _WHERE, by=_BY_MODEL)),
    "context": level(native.CONTEXT_TOKENS, _WHERE, how="max", by=_BY_MODEL),
    "expiry": f"1000 * {level(native.MODEL_EXPIRY, _WHERE, how='max', by=_BY_MODEL)}",
}
MEMORY = (
    Table(
        title="Models in memory",
        description="What is loaded now, the models of other clients too. Two models that do not fit together push each other out.",
        unit=Unit.PLAIN,
        width=24,
        height=6,
        queries=tuple(Query(expr, ref=ref) for ref, expr in _MODELS.items()),
        columns=(
            Column(source=TARGET, title="Target", unit=Unit.TEXT),
            Column(source=MODEL, title="Model", unit=Unit.TEXT),
            Column(source="memory", title="Memory", unit=Unit.BYTES),
            Column(
                source="vram",
                title="On GPUs",
                unit=Unit.RATIO,
                cell=Cell.COLOURED_TEXT,
                thresholds=Thresholds(Colour.RED, ((0.5, Colour.YELLOW), (0.999, Colour.GREEN))),
            ),
            Column(source="context", title="Context of a request, tokens", unit=Unit.NUMBER),
            Column(source="expiry", title="Unloaded", unit=Unit.SINCE),
        ),
        sort="Target",
        may_be_empty=_NO_MODEL,
    ),
    StateTimeline(
        title="The target's model, in memory or not",
        description="Each change from unloaded to loaded is a chat that waited for it.",
        unit=Unit.PLAIN,
        width=12,
        height=6,
        queries=(Query(joined("min", select(own.MODEL_LOADED, _WHERE)), NAME),),
        mappings=(ValueText(0, "unloaded", Colour.PURPLE), ValueText(1, "loaded", Colour.GREEN)),
    ),
    lines(
        "Chats not sent for the sake of the model in memory",
        "`model_not_loaded`: so that a probe does not load a model that nobody else wants. `loads_model`: as chats had it loaded anew for others. "
        "`load_model: true` lets them, and then chats are skipped as `loading` while the model is loaded, as `load_failed` after a load that failed.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.REASON}}}}}": f"{rate(own.PROBE_SKIPPED, _WHERE, _LOADING, by=(*BY_TARGET, own.REASON))} > 0"},
        may_be_empty="every chat that was due was sent.",
        width=12,
    ),
    lines(
        "Time that a load takes, mean",
        "How long Ollama took to load a model for chatprobe, apart from its chats; of targets with `load_model`.",
        Unit.SECONDS,
        {NAME: mean(own.MODEL_LOAD, _WHERE)},
        may_be_empty="chatprobe had no model loaded.",
        width=12,
    ),
    lines(
        "Loads that failed, and loads that nobody allowed",
        "`timeout`, `refused`, `unreachable`: a load for chatprobe that failed. `unwanted`: a chat for which Ollama loaded its model although that "
        "was in memory when it was sent.",
        Unit.PER_SECOND,
        {
            f"{NAME}: {{{{{own.REASON}}}}}": f"{rate(own.MODEL_LOAD_FAILURES, _WHERE, by=(*BY_TARGET, own.REASON))} > 0",
            f"{NAME}: unwanted": f"{rate(own.UNWANTED_LOADS, _WHERE)} > 0",
        },
        may_be_empty="no load failed, and none was unwanted.",
        width=12,
    ),
    stacked(
        "Memory by model",
        "Memory that loaded models take, on GPUs or not.",
        Unit.BYTES,
        {_MODEL_NAME: _MODELS["memory"]},
        width=12,
        may_be_empty=_NO_MODEL,
    ),
    stacked(
        "GPU memory by model",
        "The part of it that is on GPUs.",
        Unit.BYTES,
        {_MODEL_NAME: level(native.MODEL_VRAM, _WHERE, by=_BY_MODEL)},
        width=12,
        may_be_empty=_NO_MODEL,
    ),
)

TOKENS = (
    lines(
        "Tokens of chatprobe's chats, a second",
        "By Ollama's own count, when a chat ends; prompt tokens include cached ones.",
        Unit.NUMBER,
        {f"{NAME}: prompt": rate(native.PROMPT_TOKENS, _WHERE), f"{NAME}: generated": rate(native.GENERATION_TOKENS, _WHERE)},
        overrides=(Override(matching("prompt$"), shades=Colour.YELLOW), Override(matching("generated$"), shades=Colour.ORANGE)),
        width=12,
    ),
    lines(
        "Tokens of an answer, mean",
        "How long answers were. Ollama has no way to ask for an exact length.",
        Unit.NUMBER,
        {NAME: ratio(rate(native.GENERATION_TOKENS, _WHERE), observed(native.DECODE, _WHERE))},
        width=12,
    ),
)

BOARD = Board(
    uid=Dashboard.OLLAMA,
    title="chatprobe / Ollama",
    description="What Ollama says with chatprobe's chats, and of its models in memory, beside what the chats see.",
    variables=standard.variables("ollama"),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", NOW),
        Row("Client and engine", SIDES),
        Row("Times", TIMES),
        Row("Memory", MEMORY),
        Row("Tokens", TOKENS),
        Row("What these targets are", (drilldown.facts("ollama"),), collapsed=True),
        Row("How these numbers come", drilldown.scraping("ollama"), collapsed=True),
    ),
)
