"""llama.cpp: what its server says of itself, beside what a client sees.

It counts tokens and the time that slots spent on them, but no requests. So there are speeds, and no times of requests.
"""

from __future__ import annotations

from catalogue import llamacpp as own
from catalogue.metric import Metric
from catalogue.uids import Dashboard
from dashboards import drilldown, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Override, matching
from dashboards.dash.units import Unit
from dashboards.dash.values import high_is_bad
from dashboards.drilldown import NAME, lines, now, stacked
from dashboards.engine_queries import level, renamed
from dashboards.promql import BY_TARGET, rate, ratio

_OLDER = "older builds of llama.cpp do not say it."
_AT_THE_END = "llama.cpp counts them when an answer ends, so they come in lumps."
_PROMPTS, _ANSWERS, _CACHED = Colour.YELLOW, Colour.BLUE, Colour.GREEN


def _speed(tokens: Metric, spent: Metric) -> str:
    """Tokens of a second that a slot spent on them."""
    return ratio(rate(tokens), rate(spent))


NOW = (
    now("Prompt tokens a second", "Computed, of all clients; cached ones are left out.", Unit.NUMBER, rate(own.PROMPT_TOKENS)),
    now("Generated tokens a second", f"Of all clients. {_AT_THE_END}", Unit.NUMBER, rate(own.GENERATION_TOKENS)),
    now(
        "Slots that work",
        "Requests that have a slot. More of them make each slower, and the server as a whole faster.",
        Unit.PLAIN,
        level(own.PROCESSING),
    ),
    now(
        "Requests that wait",
        "Requests without a slot. Above 0 for long: too few slots (`--parallel`), or too few servers. None is turned away, however many wait.",
        Unit.PLAIN,
        level(own.DEFERRED),
        thresholds=high_is_bad(1, 10),
    ),
    now(
        "An answer, tokens a second",
        "How fast a slot generates, without waiting for its first token.",
        Unit.NUMBER,
        _speed(own.GENERATION_TOKENS, own.GENERATION_SECONDS),
    ),
    now(
        "A prompt, tokens a second",
        "How fast a slot computes what is not cached of its prompt.",
        Unit.NUMBER,
        _speed(own.PROMPT_TOKENS, own.PROMPT_SECONDS),
    ),
)

LATENCY = (
    drilldown.felt("llamacpp"),
    drilldown.between_tokens("llamacpp", ratio(rate(own.GENERATION_SECONDS), rate(own.GENERATION_TOKENS))),
    lines(
        "Speed of prompts",
        "Tokens of a second that a slot spent on what is not cached of its prompt. Falling with more slots at work: they share the processors.",
        Unit.NUMBER,
        {NAME: _speed(own.PROMPT_TOKENS, own.PROMPT_SECONDS)},
    ),
)

LOAD = (
    lines(
        "Slots and queue",
        "Requests that have a slot, and those that wait for one. Waiting while slots stay level: all are taken.",
        Unit.PLAIN,
        {f"{NAME}: slots": level(own.PROCESSING), f"{NAME}: waiting": level(own.DEFERRED)},
        overrides=(Override(matching(": slots$"), shades=Colour.YELLOW), Override(matching(": waiting$"), shades=Colour.RED)),
    ),
    stacked(
        "What slots do",
        "Slots at work, as a mean: on prompts, and on answers. Time spent on prompts is time that other answers wait. Answers count when they end.",
        Unit.NUMBER,
        {f"{NAME}: prompts": rate(own.PROMPT_SECONDS), f"{NAME}: answers": rate(own.GENERATION_SECONDS)},
        overrides=(Override(matching(": prompts$"), shades=_PROMPTS), Override(matching(": answers$"), shades=_ANSWERS)),
    ),
    lines(
        "Tokens a second, of all clients",
        f"Prompt tokens as they are computed, cached ones left out; generated ones: {_AT_THE_END}",
        Unit.NUMBER,
        {f"{NAME}: prompt": rate(own.PROMPT_TOKENS), f"{NAME}: generated": rate(own.GENERATION_TOKENS)},
        overrides=(Override(matching(": prompt$"), shades=_PROMPTS), Override(matching(": generated$"), shades=_ANSWERS)),
    ),
    lines(
        "Calls of the model",
        "A second. Each is a step of all slots that work: its inverse is how long a step takes while the server is busy.",
        Unit.PER_SECOND,
        {NAME: rate(own.CALLS)},
    ),
    lines(
        "Slots in a call, mean",
        "Since the server started. Near 1 with several at work: they do not come together.",
        Unit.NUMBER,
        {NAME: level(own.BUSY_SLOTS, how="max")},
    ),
    lines(
        "Longest chat so far",
        "The most tokens that a prompt and its answer had together. Near the context of a slot: answers are cut short, or prompts refused.",
        Unit.NUMBER,
        {NAME: renamed(lambda metric: level(metric, how="max"), own.LONGEST, own.LONGEST_BEFORE)},
        may_be_empty=_OLDER,
    ),
)

CACHE = (
    lines(
        "Prompt tokens that were cached",
        "Share of all. A slot keeps the prompt that it had last: with fewer slots than chats that go on, little is found.",
        Unit.RATIO,
        {NAME: ratio(rate(own.CACHED_TOKENS), f"({rate(own.CACHED_TOKENS)} + {rate(own.PROMPT_TOKENS)})")},
        may_be_empty=_OLDER,
    ),
    stacked(
        "Prompt tokens by where they came from",
        "A second: computed, which takes time, and cached.",
        Unit.NUMBER,
        {f"{NAME}: computed": rate(own.PROMPT_TOKENS), f"{NAME}: cached": rate(own.CACHED_TOKENS)},
        overrides=(Override(matching(": computed$"), shades=_PROMPTS), Override(matching(": cached$"), shades=_CACHED)),
    ),
    lines(
        "KV cache taken",
        "Share of the KV cache. Builds after May 2025 do not say it.",
        Unit.RATIO,
        {NAME: level(own.KV_CACHE_USAGE, how="max")},
        may_be_empty="newer builds do not say it.",
    ),
)

_DOES_NOT_SPECULATE = "the server does not speculate."
SPECULATION = (
    lines(
        "Tokens of a draft, mean",
        "How many tokens a step of speculation proposes.",
        Unit.NUMBER,
        {NAME: ratio(rate(own.DRAFT_TOKENS), rate(own.DRAFTS))},
        may_be_empty=_DOES_NOT_SPECULATE,
    ),
    lines(
        "Proposed tokens that were accepted",
        "As a share. Low: the draft model costs more than it gives.",
        Unit.RATIO,
        {NAME: ratio(rate(own.ACCEPTED_TOKENS), rate(own.DRAFT_TOKENS))},
        may_be_empty=_DOES_NOT_SPECULATE,
    ),
    lines(
        "Accepted tokens by place",
        "A second, by their place in the draft, from 0. Where the lines reach 0, drafts are too long.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.POSITION}}}}}": rate(own.ACCEPTED_BY_POSITION, by=(*BY_TARGET, own.POSITION))},
        may_be_empty=_DOES_NOT_SPECULATE,
    ),
)

BOARD = Board(
    uid=Dashboard.LLAMACPP,
    title="chatprobe / llama.cpp",
    description="What llama.cpp's server says of itself, of all its clients, beside what chatprobe's chats see.",
    variables=standard.variables("llamacpp"),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", NOW),
        Row("Client and engine", LATENCY),
        Row("Load", LOAD),
        Row("Cache", CACHE),
        Row("Speculative decoding", SPECULATION, collapsed=True),
        Row("What these targets are", (drilldown.facts("llamacpp"),), collapsed=True),
        Row("How these numbers come", (*drilldown.scraping("llamacpp"), drilldown.left_out("llamacpp")), collapsed=True),
    ),
)
