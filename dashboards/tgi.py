"""TGI: what it says of itself, beside what a client sees. It has no time to first token of its own."""

from __future__ import annotations

from collections.abc import Collection

from catalogue import tgi as own
from catalogue.uids import Dashboard
from dashboards import drilldown, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.overrides import Override, matching
from dashboards.dash.units import Unit
from dashboards.dash.values import high_is_bad
from dashboards.drilldown import NAME, Sides, lines, now, of_engine, phases, spread, stacked
from dashboards.engine_queries import TOGETHER, first_bucket, level, observed, seconds
from dashboards.promql import BY_TARGET, equals, mean, rate, ratio

_PREFILL, _DECODE = equals(own.METHOD, own.PREFILLING), equals(own.METHOD, own.DECODING)
_ALL_FAILED = f"({rate(own.FAILED)} or 0 * {rate(own.SUCCEEDED)})"
_LAZY = "TGI has no series for what has not happened yet."

NOW = (
    now("Requests a second", "Requests that were answered to their end, of all clients.", Unit.REQUESTS_PER_SECOND, rate(own.SUCCEEDED)),
    now(
        "Generated tokens a second",
        "Of all clients; TGI counts them when a request ends, so they come in lumps.",
        Unit.NUMBER,
        seconds(own.ANSWER_LENGTH),
    ),
    now(
        "Requests that failed",
        "Share of all that ended, whatever the reason.",
        Unit.RATIO,
        ratio(_ALL_FAILED, f"({rate(own.SUCCEEDED)} + {_ALL_FAILED})"),
        thresholds=high_is_bad(0.001, 0.01),
    ),
    now("In the batch", "Requests that decode together. 0 during the first prefill of an idle server.", Unit.PLAIN, level(own.BATCH_SIZE)),
    now(
        "In the queue",
        "Requests that wait for a batch. Above 0 for long: too few engines.",
        Unit.PLAIN,
        level(own.QUEUED),
        thresholds=high_is_bad(1, 10),
    ),
    now(
        "Tokens reserved",
        "Tokens that the batch may reach. TGI admits requests by them; it does not say how many there can be.",
        Unit.NUMBER,
        level(own.BATCH_TOKENS),
    ),
)


def _until_first_token(by: Collection[str]) -> dict[str, str]:
    """The means of what a request goes through before it has a token."""
    return {"validation": mean(own.VALIDATION, by=by), "queue": mean(own.QUEUE, by=by), "prefill": mean(own.CALL, _PREFILL, by=by)}


SIDES = drilldown.beside(
    Sides(
        backend="tgi",
        first_token="\n+ ".join(_until_first_token(BY_TARGET).values()),
        first_token_is="TGI's validation, queue and prefill, as a sum of means, as it has no time to first token of its own",
        between_tokens=mean(own.CALL, _DECODE),
        whole=mean(own.E2E),
    )
)

LATENCY = (
    drilldown.felt("tgi"),
    phases(
        "Until the first token, mean",
        "Validation and queue of requests, and the prefill of batches. A queue that grows: too many requests; prefill: long prompts; "
        "validation: few workers.",
        _until_first_token(TOGETHER),
    ),
    phases(
        "Where a request's time goes, mean",
        "Validation, queue, and inference, which is the time in batches, prefill included. Their sum is the whole request.",
        {
            "validation": mean(own.VALIDATION, by=TOGETHER),
            "queue": mean(own.QUEUE, by=TOGETHER),
            "inference": mean(own.INFERENCE, by=TOGETHER),
        },
    ),
    of_engine("Whole requests", "Of all clients; successes only.", Unit.SECONDS, own.E2E),
    of_engine("Queue", "From queued to put into a batch, of the first 1,024 tokens of an answer.", Unit.SECONDS, own.QUEUE),
    of_engine(
        "Inference by tokens",
        "The time in batches by generated tokens: it includes the prefill, so for short answers it is above the time between tokens.",
        Unit.SECONDS,
        own.MEAN_TOKEN,
    ),
    spread("Whole requests, spread", "How many requests took how long.", Unit.SECONDS, own.E2E, "Greens"),
    spread(
        "Calls to decode, spread",
        "How many calls took how long: one call is one token for each request in the batch.",
        Unit.SECONDS,
        own.CALL,
        "Greens",
        _DECODE,
    ),
    lines(
        "Share in the lowest bucket",
        "How much of each histogram fell into its lowest bucket. Above a half its p50 is a guess, above 95 % its p95 too. Buckets grow by half, "
        f"so a quantile between two of them may be off by as much. {drilldown.OF_NATIVE_HISTOGRAMS}",
        Unit.RATIO,
        {
            f"{NAME}: whole request": first_bucket(own.E2E),
            f"{NAME}: queue": first_bucket(own.QUEUE),
            f"{NAME}: inference": first_bucket(own.INFERENCE),
        },
        overrides=drilldown.OF_MEASURES,
    ),
)

BATCH = (
    lines(
        "Batch and queue",
        "Requests that decode, and those that wait. A queue while the batch stays level: the budget of tokens is used up.",
        Unit.PLAIN,
        {f"{NAME}: batch": level(own.BATCH_SIZE), f"{NAME}: queue": level(own.QUEUED)},
        overrides=(Override(matching("batch$"), shades=Colour.GREEN), Override(matching("queue$"), shades=Colour.RED)),
    ),
    lines(
        "Requests of a new batch, mean",
        "How many requests are prefilled together.",
        Unit.NUMBER,
        {NAME: mean(own.NEXT_SIZE)},
    ),
    lines("Tokens reserved for the batch", "Prompt and answer of all its requests.", Unit.NUMBER, {NAME: level(own.BATCH_TOKENS)}),
    stacked(
        "A call to decode, mean",
        "Forward pass, turning tokens into text, taking finished requests out: what the time between tokens is made of. "
        "All chosen targets together; choose one to see it alone.",
        Unit.SECONDS,
        {
            "forward": mean(own.FORWARD, _DECODE, by=TOGETHER),
            "text": mean(own.DECODE, _DECODE, by=TOGETHER),
            "filter": mean(own.FILTER, _DECODE, by=TOGETHER),
        },
        overrides=(
            Override(matching("^forward$"), colour=Colour.GREEN),
            Override(matching("^text$"), colour=Colour.YELLOW),
            Override(matching("^filter$"), colour=Colour.PURPLE),
        ),
        links=(),
    ),
    lines(
        "A call to prefill, mean",
        "The whole call, and the forward pass in it. Decoding stands still meanwhile: clients see it as a gap between tokens.",
        Unit.SECONDS,
        {f"{NAME}: call": mean(own.CALL, _PREFILL), f"{NAME}: forward": mean(own.FORWARD, _PREFILL)},
    ),
    lines(
        "Calls a second",
        "How often the model is called, to prefill and to decode.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.METHOD}}}}}": observed(own.CALL, by=(*BY_TARGET, own.METHOD))},
    ),
    lines(
        "Batches brought together",
        "How often new requests joined the running batch, by why they were let in then.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.REASON}}}}}": rate(own.CONCATS, by=(*BY_TARGET, own.REASON))},
        may_be_empty=f"no two requests overlapped. {_LAZY}",
    ),
    lines(
        "Bringing batches together, mean",
        "What it takes; decoding stands still meanwhile.",
        Unit.SECONDS,
        {NAME: mean(own.CONCAT)},
        may_be_empty=f"no two requests overlapped. {_LAZY}",
    ),
    lines(
        "Calls that failed",
        "Calls of the model that failed; all requests in the batch fail with them.",
        Unit.PER_SECOND,
        {f"{NAME}: {{{{{own.METHOD}}}}}": rate(own.CALLS_FAILED, by=(*BY_TARGET, own.METHOD))},
        may_be_empty=f"no call failed. {_LAZY}",
    ),
)

REQUESTS = (
    stacked(
        "How requests ended",
        "`overloaded` were refused, `validation` and `template` are their clients' fault, `dropped` were given up by them; "
        "`incomplete` and `generation` are TGI's own. A streamed chat that fails so has had a 200 before.",
        Unit.REQUESTS_PER_SECOND,
        {f"{NAME}: succeeded": rate(own.SUCCEEDED), f"{NAME}: {{{{{own.ERR}}}}}": rate(own.FAILED, by=(*BY_TARGET, own.ERR))},
        overrides=(
            Override(matching(": succeeded$"), shades=Colour.GREEN),
            Override(matching(": (overloaded|incomplete|generation)$"), shades=Colour.RED),
            Override(matching(": (validation|template|dropped)$"), shades=Colour.YELLOW),
        ),
    ),
    lines(
        "Tokens a second, of all clients",
        "Prompt tokens when a request is validated, generated ones when it ends: both come in lumps.",
        Unit.NUMBER,
        {f"{NAME}: prompt": seconds(own.PROMPT_LENGTH), f"{NAME}: generated": seconds(own.ANSWER_LENGTH)},
        overrides=(Override(matching("prompt$"), shades=Colour.YELLOW), Override(matching("generated$"), shades=Colour.GREEN)),
    ),
    lines(
        "Tokens by speculation, mean",
        "Tokens that a call to decode gave a request beyond the first. 0: TGI does not speculate, or it never hits.",
        Unit.NUMBER,
        {NAME: mean(own.SKIPPED)},
    ),
    of_engine("Prompt tokens of a request", "How long prompts are. Buckets are a hundredth of the longest prompt.", Unit.NUMBER, own.PROMPT_LENGTH),
    of_engine("Generated tokens of a request", "How long answers are. Buckets are a hundredth of the longest.", Unit.NUMBER, own.ANSWER_LENGTH),
    of_engine(
        "Tokens asked for", "What requests may generate, at most 1,024 at once; room is reserved for all of it.", Unit.NUMBER, own.ASKED_LENGTH
    ),
)

BOARD = Board(
    uid=Dashboard.TGI,
    title="chatprobe / TGI",
    description="What TGI says of itself, of all its clients, beside what chatprobe's chats see.",
    variables=standard.variables("tgi"),
    annotations=standard.ANNOTATIONS,
    rows=(
        Row("Now", NOW),
        Row("Client and engine", SIDES),
        Row("Latency", LATENCY),
        Row("Batches", BATCH),
        Row("Requests and tokens", REQUESTS),
        Row("What these targets are", (drilldown.facts("tgi"),), collapsed=True),
        Row("How these numbers come", (*drilldown.scraping("tgi"), drilldown.left_out("tgi")), collapsed=True),
    ),
)
