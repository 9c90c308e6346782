"""Rules on what the time to the first token is spent with."""

from __future__ import annotations

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.engine_side.phases import Phase, Split, gap, split
from bench.engine_side.rules.capacity import at_limit, cache_is_full, fullest
from bench.summary.words import exact_milliseconds, percent, span
from probes import backends
from probes.wording import counted, duration

QUEUE_SHARE = 0.25
QUEUE_SECONDS = 0.02
"""Ollama tells no queue: what its parts leave of the whole is some milliseconds without one too."""
PREFILL_SHARE = 0.5
PREFILL_SECONDS = 0.05
GAP_SHARE = 0.2
GAP_SECONDS = 0.01
LOADED_SHARE = 0.01
WIDEST_SPAN = 0.3
"""A share of p95 whose bounds are further apart says too little for a sentence; it stands among the figures."""


def _queue(case: Case) -> Fact | None:
    parts = split(case)
    if parts is None or parts.queue is None or parts.queue.share < QUEUE_SHARE or parts.queue.mean_seconds < QUEUE_SECONDS:
        return None
    return Fact(
        words=f"the queue makes {_of(parts.queue, parts)}",
        short=percent(parts.queue.share),
        figures=_figures("queue", parts.queue, parts),
        advice=_against_queue(case),
    )


def _against_queue(case: Case) -> str:
    """What shortens the queue, by what else the engine tells: a larger batch needs room in the KV cache."""
    knobs, limit = case.knobs, at_limit(case)
    replicas = "more replicas, or less load"
    if cache_is_full(case):
        return f"{replicas}, or more memory for the KV cache{_by(knobs.cache)}: it was full, so a larger batch would not help"
    if backends.get(case.backend).metrics is None and knobs.batch:  # what it tells of each chat is the wait for a slot
        return f"{replicas}, or a larger {knobs.batch}, as far as memory allows"
    if limit is None or not limit.held or not knobs.batch:
        return replicas
    usage = fullest(case)
    room = "" if usage is None else f"; the KV cache was at most {percent(usage)} full"
    return f"{replicas}, or a larger {knobs.batch} (it ran {limit.most:g} at once at most{room}), which slows each token"


def _prefill(case: Case) -> Fact | None:
    parts = split(case)
    if parts is None or parts.prefill is None or parts.prefill.share < PREFILL_SHARE or parts.prefill.mean_seconds < PREFILL_SECONDS:
        return None
    inputs = [chat.input_tokens for chat in case.chats if chat.counts and chat.input_tokens is not None]
    tokens = sum(inputs) / len(inputs) if inputs else None
    prompts = "" if tokens is None else f", prompts of {tokens:.0f} tokens on average"
    each = "" if parts.prefill_by == "request" else f" (a pass takes {duration(parts.prefill.mean_seconds)})"
    knobs = case.knobs
    ways = ["shorter prompts"]
    if knobs.prefix_cache:
        ways.append(f"prompts that begin alike, for the prefix cache ({knobs.prefix_cache})")
    if knobs.prefill:
        ways.append(f"another {knobs.prefill}: larger for the first token, smaller for the rhythm of the others")
    return Fact(
        words=f"the prefill makes {_of(parts.prefill, parts)}{each}{prompts},",
        short=percent(parts.prefill.share),
        figures=_figures("prefill", parts.prefill, parts) | ({} if tokens is None else {"input_tokens_mean": tokens}),
        advice="; ".join(ways),
    )


def _of(part: Phase, parts: Split) -> str:
    mean = f"{percent(part.share)} of the mean time to first token ({duration(part.mean_seconds)} of {duration(parts.ttft_seconds)})"
    if part.share_of_tail is None or parts.tail_seconds is None or part.share_of_tail[1] - part.share_of_tail[0] > WIDEST_SPAN:
        return mean
    return f"{mean} and {span(*part.share_of_tail)} of p95 ({duration(parts.tail_seconds)})"


def _figures(name: str, part: Phase, parts: Split) -> dict[str, float]:
    found = {f"{name}_seconds_mean": part.mean_seconds, "ttft_seconds_mean": parts.ttft_seconds, "share": part.share}
    if part.share_of_tail is not None and parts.tail_seconds is not None:
        low, high = part.share_of_tail
        found |= {"ttft_seconds_p95": parts.tail_seconds, "share_of_p95_low": low, "share_of_p95_high": high}
    return found


def _gap(case: Case) -> Fact | None:
    found = gap(case)
    if found is None or found.seconds < max(GAP_SECONDS, GAP_SHARE * found.client_seconds):
        return None
    return Fact(
        words=f"first tokens reach the client {duration(found.seconds)} later than the engine has them "
        f"({duration(found.client_seconds)} against {duration(found.engine_seconds)}, mean of {counted(found.chats, 'chat')})",
        short=duration(found.seconds),
        figures={"client_seconds_mean": found.client_seconds, "engine_seconds_mean": found.engine_seconds, "gap_seconds": found.seconds},
        advice="look at what stands between: routers, TLS, the engine's own HTTP server; or measure from nearer",
    )


def _load(case: Case) -> Fact | None:
    on_demand = backends.get(case.backend).on_demand
    above = on_demand.loads_above_seconds if on_demand else None
    loads = [told.load_seconds for told in case.told if told.load_seconds is not None]
    waited = [seconds for seconds in loads if above is not None and seconds >= above]
    if not waited or len(waited) < LOADED_SHARE * len(loads):
        return None
    keep = f"keep it in memory ({case.knobs.keep}), and let no other model push it out" if case.knobs.keep else ""
    return Fact(
        words=f"{len(waited)} of {counted(len(loads), 'chat')} waited for the model to be loaded, {duration(sum(waited) / len(waited))} on average,",
        short=counted(len(waited), "chat"),
        figures={"chats": float(len(waited)), "chats_told": float(len(loads)), "load_seconds_mean": sum(waited) / len(waited)},
        advice=keep,
    )


def _by(knob: str) -> str:
    return f" ({knob})" if knob else ""


def _tells_queue(case: Case) -> bool:
    parts = split(case)
    return parts is not None and parts.queue is not None


def _tells_prefill(case: Case) -> bool:
    parts = split(case)
    return parts is not None and parts.prefill is not None


RULES = (
    Rule(
        name="queue",
        kind="cause",
        needs="the time in its queue",
        known=_tells_queue,
        look=_queue,
        fact="the share of the mean TTFT that requests waited in the engine's queue, and of p95",
        limit=f"{percent(QUEUE_SHARE)} of the mean TTFT, and {exact_milliseconds(QUEUE_SECONDS)}",
        remedy="more replicas or less load; a larger batch where it ran into its limit and the KV cache has room; more KV cache where that was full",
    ),
    Rule(
        name="prefill",
        kind="cause",
        needs="the time of its prefill",
        known=_tells_prefill,
        look=_prefill,
        fact="the share of the mean TTFT that the prompt's computation took, and of p95",
        limit=f"{percent(PREFILL_SHARE)} of the mean TTFT, and {exact_milliseconds(PREFILL_SECONDS)}",
        remedy="shorter prompts, prompts that begin alike, the number of prompt tokens in one step",
    ),
    Rule(
        name="client_gap",
        kind="cause",
        needs="its time to first token for our chats alone",
        known=lambda case: gap(case) is not None,
        look=_gap,
        fact="how much later the client had the first token than the engine, mean over the same chats",
        limit=f"{percent(GAP_SHARE)} of the client's mean TTFT, and {exact_milliseconds(GAP_SECONDS)}; "
        "only blocks in which the engine counted our chats alone",
        remedy="what stands between: routers, TLS, the engine's HTTP server",
    ),
    Rule(
        name="model_load",
        kind="caveat",
        needs="the time until its model was ready",
        known=lambda case: any(told.load_seconds is not None for told in case.told),
        concerns=lambda case: backends.get(case.backend).on_demand is not None,
        look=_load,
        fact="chats, the warm-up's left out, that waited for the model to be loaded",
        limit=f"{percent(LOADED_SHARE)} of the chats, at least one",
        remedy="keep the model in memory",
    ),
)
