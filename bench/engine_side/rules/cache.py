"""Rules on the prefix cache: prompts that were to be new to it, and prompts that were to be known to it."""

from __future__ import annotations

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.summary.words import percent
from probes.numbers.number import Number

WARM_SHARE = 0.1
WARM_TOKENS = 16
"""A chat: what a template puts before every prompt is shorter, and of a short prompt it is a large share (seen with llama.cpp)."""
COLD_SHARE = 0.5


def _hits(case: Case) -> tuple[float, float] | None:
    """(Prompt tokens found in the cache, prompt tokens looked up); None where it is not told.

    What the engine says of each chat comes before its counters, as these count the requests of others too.
    """
    told = [(one.cached_tokens, one.input_tokens) for one in case.told if one.cached_tokens is not None and one.input_tokens is not None]
    if told:
        return float(sum(cached for cached, _ in told)), float(sum(tokens for _, tokens in told))
    hits, queries = case.counted(Number.PREFIX_CACHE_HITS), case.counted(Number.PREFIX_CACHE_QUERIES)
    return (hits, queries) if hits is not None and queries is not None else None


def hit_ratio(case: Case) -> float | None:
    """The share of prompt tokens that were found in the prefix cache, from 0 to 1; None where it is not told."""
    found = _hits(case)
    return found[0] / found[1] if found and found[1] > 0 else None


def _temperature(case: Case) -> str | None:
    """Whether its chats were to be cold or warm; None of both, and of none."""
    kinds = {"cold" if told.cold else "warm" for told in case.told}
    return kinds.pop() if len(kinds) == 1 else None


def _warm(case: Case) -> Fact | None:
    found, share = _hits(case), hit_ratio(case)
    if found is None or share is None or share < WARM_SHARE or _temperature(case) != "cold" or found[0] < WARM_TOKENS * len(case.told):
        return None
    return Fact(
        words=f"the prompts were to be new to the prefix cache, and {percent(share)} of their tokens were found in it",
        short=percent(share),
        figures={"hit_ratio": share},
        advice="read its times to first token as those of a warm cache; look for a router or a chat template that puts the same before every prompt",
    )


def _cold(case: Case) -> Fact | None:
    share = hit_ratio(case)
    if share is None or share >= COLD_SHARE or _temperature(case) != "warm":
        return None
    knobs = case.knobs
    ways = [f"see whether its prefix cache is on ({knobs.prefix_cache})"] if knobs.prefix_cache else ["see whether its prefix cache is on"]
    ways += [f"more memory for the KV cache ({knobs.cache}), so that prefixes stay"] if knobs.cache else []
    ways += ["of several replicas, send chats that begin alike to the same one"]
    return Fact(
        words=f"the prompts begin alike, and only {percent(share)} of their tokens were found in the prefix cache",
        short=percent(share),
        figures={"hit_ratio": share},
        advice="; ".join(ways),
    )


RULES = (
    Rule(
        name="cache_warm",
        kind="caveat",
        needs="the hits of its prefix cache",
        known=lambda case: hit_ratio(case) is not None,
        look=_warm,
        fact="the share of prompt tokens that were found in the prefix cache, although the chats were to be cold",
        limit=f"{percent(WARM_SHARE)}, and {WARM_TOKENS} tokens a chat",
        remedy="look for what puts the same before every prompt",
    ),
    Rule(
        name="cache_missed",
        kind="cause",
        needs="the hits of its prefix cache",
        known=lambda case: hit_ratio(case) is not None,
        look=_cold,
        fact="the share of prompt tokens that were found in the prefix cache, where the chats were to be warm",
        limit=f"below {percent(COLD_SHARE)}",
        remedy="switch the prefix cache on, give it memory, send chats that begin alike to one replica",
    ),
)
