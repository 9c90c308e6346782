"""The words that a report may use without having said what they mean, and what they mean.

The definitions are those of `docs/definitions.md`, `docs/summary.md` and `docs/statistics.md`, for somebody who has read none of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the field. `key` is its anchor; `forms` are the ways in which it is written, the longest first."""

    key: str
    name: str
    meaning: str
    forms: tuple[str, ...]


TERMS: tuple[Term, ...] = (
    Term("ttft", "TTFT", "Time to first token: from the moment at which the question was sent until the first piece of the answer came.", ("TTFT",)),
    Term(
        "tpot",
        "TPOT",
        "Time per output token: how long each further token of an answer took on average, after the first. 20 ms are 50 tokens a second.",
        ("TPOT",),
    ),
    Term("itl", "ITL", "Inter-token latency: the gap between a token and the one before it. TPOT is the mean of these in one chat.", ("ITL",)),
    Term("e2e", "E2E", "End to end: the whole chat, from the beginning of the connection to the end of the answer.", ("E2E",)),
    Term("token", "token", "A piece of text as a model writes it: in English about three quarters of a word.", ("tokens", "token")),
    Term(
        "quantile",
        "p50, p90, p95, p99",
        "Percentiles. Half of the chats took no longer than p50, 95 of 100 no longer than p95. "
        "p95 and p99 tell of the chats that people complain about.",
        ("p50", "p90", "p95", "p99"),
    ),
    Term(
        "interval",
        "± and 95 % interval",
        "How closely a number is known. Of 100 runs like this one, about 95 would give a number within it.",
        ("95 % intervals", "95 % interval", "intervals", "interval"),
    ),
    Term(
        "no-difference",
        "no difference seen",
        "The run cannot tell the two apart. It does not say that they are alike: a longer run may show a difference.",
        ("no difference was seen", "no difference seen", "No difference was seen"),
    ),
    Term("throughput", "throughput", "All tokens that an engine wrote in a second, of all its chats together.", ("throughput",)),
    Term(
        "goodput",
        "goodput",
        "The share of all chats that succeeded and kept every threshold of the SLO. A chat that failed is not good.",
        ("goodput",),
    ),
    Term("slo", "SLO", "Service level objective: what a good chat keeps to, as a TTFT below 450 ms and a TPOT below 40 ms.", ("SLOs", "SLO")),
    Term("stall", "stall", "The longest gap within an answer: how long the text stood still.", ("stalls", "stall")),
    Term("level", "level", "One amount of load, as 8 users at once. A run measures one level after another.", ("levels", "level")),
    Term(
        "round",
        "round",
        "All engines measured once at a level. Rounds are repeated, as a machine is not the same at every hour.",
        ("rounds", "round"),
    ),
    Term(
        "warm-up",
        "warm-up",
        "The first chats of each block, which count for nothing: connections open, caches fill and batches grow.",
        ("warm-ups", "warm-up"),
    ),
    Term(
        "knee",
        "knee",
        "The load from which on an engine carries no more, however much more is asked of it. What comes beyond it waits.",
        ("knee",),
    ),
    Term(
        "capacity",
        "capacity",
        "The most users at once, or the highest rate of chats, with which enough chats still keep to the SLO.",
        ("capacity",),
    ),
    Term("prefill", "prefill", "The engine's work on a prompt, before the first token of its answer.", ("prefill",)),
    Term("decode", "decode", "The engine's work on the answer, token by token.", ("decode",)),
    Term("queue", "queue", "Where a chat waits in the engine until there is room for it.", ("queue",)),
    Term("batch", "batch", "The chats that an engine works on at once, a token of each in turn.", ("batches", "batch")),
    Term(
        "kv-cache",
        "KV cache",
        "The memory in which an engine keeps what it has computed of the chats that it works on. When it is full, further chats wait.",
        ("KV cache",),
    ),
    Term(
        "prefix-cache",
        "prefix cache",
        "Where an engine keeps what it has computed of the beginnings of earlier prompts. A prompt that begins alike has its first token sooner.",
        ("prefix cache",),
    ),
    Term(
        "preemption",
        "preemption",
        "The engine puts a chat back that it had begun, for want of memory, and computes it again later.",
        ("preemptions", "preemption", "preempted"),
    ),
    Term(
        "cold",
        "cold and warm",
        "A cold chat begins as no other did, so that no cache makes it fast. A warm one repeats what the engine has seen.",
        ("cold", "warm"),
    ),
    Term(
        "doubtful",
        "doubtful",
        "A chat whose times may be off by more than 1 ms, as chatprobe did not get a processor in time.",
        ("doubtful",),
    ),
    Term("gathered", "gathered", "Something on the way, as a proxy, held tokens back and handed them on several at once.", ("gathered",)),
)
_BY_FORM = {form: term for term in TERMS for form in term.forms}
PATTERN = re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(form) for form in sorted(_BY_FORM, key=len, reverse=True))})(?![\w-])")
"""Finds the words in a text."""


def term_of(form: str) -> Term:
    """The term that is written so."""
    return _BY_FORM[form]
