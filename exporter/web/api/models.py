"""What the API takes and gives: the models that answers are made of, and the OpenAPI document too."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from catalogue.own import FAILURE_REASONS, SKIP_REASONS
from exporter.web.probing import Outcome
from probes.backends import names as backends
from probes.record import PHASES
from traffic.pairs import Measure

MOST_RECORDS = 1000
LONGEST_SECONDS = 90 * 86_400
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def _read_number(written: object) -> object:
    """A whole number in digits alone: no `1e3`, `1_000` or `+1`."""
    if isinstance(written, str) and _NUMBER.fullmatch(written):
        return int(written)
    raise ValueError("is no whole number of at most 18 digits; write digits alone")


def _read_whole(given: object) -> object:
    """JSON has one kind of number: 8.0 is a whole one."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _read_flag(written: object) -> object:
    if written in ("true", "false"):
        return written == "true"
    raise ValueError("is neither true nor false; write one of them")


NameText = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$")]
"""A name of a target, scenario or SLO."""
ChatId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
Flag = Annotated[bool, BeforeValidator(_read_flag), WithJsonSchema({"type": "boolean"})]
Written = BeforeValidator(_read_number)
"""Behind the bounds of a number, so that the document has them too."""
Given = BeforeValidator(_read_whole)
"""The same, of a number in a body."""
Seconds = Annotated[int, Field(ge=60, le=LONGEST_SECONDS), Written]


class Query(BaseModel):
    """Parameters of a request. Unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """What a request brings. Unknown keys are errors, and values have the type that is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoQuery(Query):
    """No parameters at all."""


class WhichTargets(Query):
    """Of which targets."""

    target: NameText | None = Field(default=None, description="only this target")


class WhichRecords(Query):
    """Which chats, and how many of them."""

    target: NameText | None = Field(default=None, description="only chats with this target")
    scenario: NameText | None = Field(default=None, description="only chats of this scenario")
    failed: Flag | None = Field(default=None, description="true: only chats that failed; false: only those that did not")
    limit: Annotated[int, Field(ge=1, le=MOST_RECORDS), Written] = Field(default=50, description="most chats in the answer")
    before: ChatId | None = Field(default=None, description="only chats that are older than the one with this id")


class WhichLive(Query):
    """Which chats, and for how long."""

    target: NameText | None = Field(default=None, description="only chats with this target")
    scenario: NameText | None = Field(default=None, description="only chats of this scenario")
    failed: Flag | None = Field(default=None, description="true: only chats that failed; false: only those that did not")
    after: ChatId | None = Field(default=None, description="first those that ended since the chat with this id, as far as they are known")
    for_seconds: Annotated[int, Field(ge=1, le=86_400), Written] | None = Field(
        default=None, description="end after so many seconds; left out: never"
    )


class WhichSummary(Query):
    """Of which chats, and of which time."""

    target: NameText | None = Field(default=None, description="only this target")
    scenario: NameText | None = Field(default=None, description="only this scenario")
    window_seconds: Seconds = Field(default=3600, description="how long the time is")
    ago_seconds: Annotated[int, Field(ge=0, le=LONGEST_SECONDS), Written] = Field(default=0, description="how long ago it ended")


class WhichPairs(Query):
    """Of which pairs, and of which time."""

    scenario: NameText | None = Field(default=None, description="only this scenario")
    window_seconds: Seconds = Field(default=3600, description="how long the time is")


class Target(Answer):
    """A target, and what is known of it."""

    name: str
    backend: Literal[backends()]  # type: ignore[valid-type]
    url: str = Field(description="without a user, a password or a query")
    source: str = Field(description="where it was found: `static`, `files` or `kubernetes`")
    model: str = Field(description="the model that chats ask for; `unknown` until the engine listed one")
    served_model: str | None = Field(description="the engine's own name for it")
    version: str | None = Field(description="of the engine")
    model_loaded: bool | None = Field(description="null where the engine has its model always, or does not tell")
    breaker_open: bool = Field(description="whether chats are held back because it served none")
    scenarios: list[str] = Field(description="those whose chats are held with it")


class Bursts(BaseModel):
    """How tokens came that something on the way gathered."""

    model_config = ConfigDict(extra="allow")


class NativeTimes(BaseModel):
    """What the engine itself said of the chat; null where it does not."""

    model_config = ConfigDict(extra="allow")

    total_seconds: float | None
    tpot_seconds: float | None
    tpot_factor: float | None
    cached_tokens: int | None


class Record(Answer):
    """A chat, in the shape of `docs/records.md`, with its `id`."""

    id: ChatId
    schema_: Literal[1] = Field(alias="schema")
    target: str
    backend: str
    model: str
    scenario: str
    request_id: str
    pair_id: str | None
    prompt_id: str
    started_at: AwareDatetime
    outcome: Literal["ok", "failed"]
    reason: Literal[FAILURE_REASONS] | None  # type: ignore[valid-type]
    detail: str | None
    failed_check: str | None
    answer_head: str | None
    http_status: int | None
    connection: Literal["fresh", "reused"] | None
    retries: int
    left_out: list[str]
    load: Literal["allowed", "unwanted"] | None
    cache: Literal["cold", "warm"]
    phases: dict[Literal[PHASES], float | None]  # type: ignore[valid-type]
    headers_seconds: float | None
    ttft_seconds: float | None
    waited_seconds: float | None
    first_content_seconds: float | None
    tpot_seconds: float | None
    e2e_seconds: float
    stall_seconds: float | None
    schedule_lag_seconds: float
    output_tokens: int | None
    input_tokens: int | None
    token_source: Literal["usage", "chunks", "apportioned"] | None
    chunk_token_source: Literal["usage", "chunks", "apportioned"] | None
    output_tokens_per_second: float | None
    finish_reason: str | None
    content_encoding: str | None
    clock: Literal["kernel", "user"]
    max_timing_error_seconds: float
    doubtful: bool
    bursts: Bursts | None
    segments_out_of_order: int | None
    segments_resent: int | None
    chunks: list[tuple[float, int | None]] = Field(default=[], description="seconds since it was sent, and tokens, of each chunk with tokens")
    text: None
    native: NativeTimes


class Quantiles(Answer):
    """How values are spread, each right within 1 %; null without values."""

    count: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class Measures(Answer):
    """Seconds, but for `output_rate`, which is tokens a second. `e2e` and `output_rate` are of chats that went well."""

    ttft: Quantiles
    itl: Quantiles
    tpot: Quantiles
    e2e: Quantiles
    stall: Quantiles
    output_rate: Quantiles


class Goodput(Answer):
    """How many attempts counted for an SLO, and how many of them were good."""

    attempts: int
    good: int
    share: float | None = Field(description="null without attempts")


class Summary(Answer):
    """The chats of one target and scenario in some time."""

    target: str
    scenario: str
    window_seconds: float
    ago_seconds: float
    chats: int = Field(description="those that ended, `ok` or `failed`")
    ok: int
    failed: int
    failures: dict[Literal[FAILURE_REASONS], int]  # type: ignore[valid-type]
    skips: dict[Literal[SKIP_REASONS], int] = Field(description="chats that were due and not sent")  # type: ignore[valid-type]
    output_tokens_per_second: float = Field(description="of all chats together")
    measures: Measures
    goodput: dict[str, Goodput] = Field(description="by SLO")


class SloState(Answer):
    """How an SLO stands with one target: of its window, as much as the history has."""

    slo: str
    target: str
    scenario: str
    objective: float = Field(gt=0, lt=1)
    window_seconds: float
    thresholds: dict[str, float] = Field(description="in seconds, by `ttft`, `tpot` and `e2e`")
    attempts: int
    good: int
    share: float | None = Field(description="null without attempts")
    budget_left: float | None = Field(
        description="1 is all of the error budget, 0 none, less than 0 more than was there, if nothing is bad in what of the window the history "
        "does not have; null without attempts"
    )


class PairState(Answer):
    """How often a target was better than a peer with the same prompt at the same instant."""

    scenario: str
    target: str
    peer: str
    pairs: int
    wins: dict[Literal[tuple(Measure)], int]  # type: ignore[valid-type]


class ProbeAsked(Body):
    """A chat that is asked for."""

    target: NameText
    scenario: NameText | None = Field(default=None, description="left out: the only one that is for the target")
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] | None = Field(default=None, description="longest chat, if shorter than the scenario's")


class ProbeAnswer(Answer):
    """What became of a chat that was asked for."""

    outcome: Outcome
    skipped: Literal[SKIP_REASONS] | None = Field(description="why it was not sent; null where it was")  # type: ignore[valid-type]
    seconds: float
    record: dict[str, Any] | None = Field(description="the chat, in the shape of `docs/records.md`; null where it was not sent")


class RunAsked(Body):
    """A benchmark run that is asked for: a preset, and what of it is to be otherwise."""

    preset: Literal["quick", "standard", "stress", "custom"] = Field(
        default="quick", description="`custom` is what the configuration says under `bench`"
    )
    targets: Annotated[list[NameText], Field(min_length=1, max_length=20)] | None = Field(default=None, description="names; left out: all")
    duration_seconds: Annotated[int, Field(ge=5, le=86_400), Given] | None = Field(
        default=None, description="of the whole run; left out: the preset's"
    )
    rounds: Annotated[int, Field(ge=1, le=1000), Given] | None = Field(default=None, description="how often each load is measured")
    users: Annotated[int, Field(ge=1, le=1000), Given] | None = Field(
        default=None, description="so many users with each target, in place of the preset's load"
    )


class RunState(Answer):
    """A benchmark run that was started here."""

    id: ChatId
    state: Literal["running", "stopping", "done", "failed", "cancelled"]
    asked: RunAsked
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None = Field(description="of `chatprobe bench`; null while it runs")
    lines: list[str] = Field(description="the last of what it said")
