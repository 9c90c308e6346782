"""vLLM, the rows that are closed at first: lengths, speculative decoding, what is inside."""

from __future__ import annotations

from catalogue import unified as native
from catalogue import vllm as own
from catalogue import vllm_options as options
from catalogue.metric import BACKEND, REPLICA, TARGET
from dashboards.dash.colours import Colour
from dashboards.dash.panels import Column, StateTimeline, Table
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import ValueText
from dashboards.drilldown import NAME, lines, now, of_engine, spread
from dashboards.engine_queries import level
from dashboards.promql import BY_TARGET, equals, joined, mean, rate, ratio, select

_WHERE = equals(BACKEND, "vllm")
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
        queries=(Query(level(own.SLEEPING, equals(own.SLEEP_STATE, "awake"), how="min", by=(*BY_TARGET, REPLICA)), f"{NAME} {{{{{REPLICA}}}}}"),),
        mappings=(ValueText(0, "asleep", Colour.PURPLE), ValueText(1, "awake", Colour.BLUE)),
        may_be_empty="old versions of vLLM do not say it.",
    ),
    lines(
        "Life of a block of the KV cache, mean",
        "How long a block lives, is idle before it is evicted, and waits for its next use. Short lives: the cache is too small.",
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
