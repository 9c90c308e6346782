"""A kind of chat, and how it is held, as an operator writes it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from config.base import Section
from config.calendar import Active
from config.durations import write_duration
from config.expectation import Expectation
from config.load import ArrivalKind, ClosedLoop, Every, Load, OpenLoop, RateStage, UserStage
from config.prompt import Prompt, SetName
from config.quantities import Name, NamePattern, Rate, Seconds
from config.references import exact_ones
from config.rules import as_error, refuse
from config.shapes import MOST_USERS, Stages, Think, misfits
from probes.ask import Cache, ConnectionPolicy, Timeouts, TraceContext
from probes.checks import Checks
from probes.prompts import Named
from probes.wording import listed

_DEFAULTS = Timeouts()


def _read_switch(written: object) -> object:
    """`on` and `off`; true and false too, because tools that speak YAML 1.1 (Helm) turn the words into these."""
    if isinstance(written, bool):
        return written
    if written in ("on", "off"):
        return written == "on"
    raise ValueError("is neither on nor off; write one of them")


Switch = Annotated[bool, BeforeValidator(_read_switch), PlainSerializer(lambda on: "on" if on else "off")]


def _not_a_load_test(seconds: float) -> float:
    if seconds < 1:
        raise ValueError("is shorter than 1s; write 1s or more, or rate: 2/s for a load: a heartbeat beats no faster")
    return seconds


def above_zero(per_second: Fraction) -> Fraction:
    """A rate that is no pause. Raises ValueError."""
    if not per_second:
        raise ValueError("is out of range; write a rate from 1/d to 1000/s")
    return per_second


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("is empty; name at least one, or leave it out")
    return names


class Scenario(Section):
    """One kind of chat, and how often it is held with each of its targets."""

    every_seconds: Annotated[Seconds, AfterValidator(_not_a_load_test)] | None = Field(
        default=None, alias="every", description="a chat with each target this often, at least `1s`; a later start is counted as late"
    )
    rate: Annotated[Rate, AfterValidator(above_zero)] | None = Field(
        default=None, description="chats with each target begin at this rate, like `2/s` or `30/m`, whatever became of those before them"
    )
    arrivals: ArrivalKind = Field(default="constant", description="with `rate`: `constant` gaps, or those of a `poisson` process")
    users: Annotated[int, Field(ge=1, le=MOST_USERS)] | None = Field(
        default=None, description="so many users with each target, each of whom waits for the answer, thinks, and chats again"
    )
    think_time: Think | None = Field(
        default=None, description="with `users`: `2s`, `{between: [1s, 5s]}` or `{exponential: 2s}`; left out: no time at all"
    )
    ramp_up_seconds: Seconds | None = Field(
        default=None,
        alias="ramp_up",
        description="with `users`: they come evenly over this time; left out: one mean think time, but `1s` at least and `5s` a user at most",
    )
    stages: Stages | None = Field(
        default=None, description="load that changes: `[{users: 10, for: 30s}, {users: 50}]`, or `{rate: 5/s, for: 1m}`; the first follows the last"
    )
    prompt: Prompt = Field(
        default=Named("short-question"), description="name of a prompt set, `{input_tokens: N}` for a synthetic one, or `{text: ...}`"
    )
    conversation: SetName | None = Field(default=None, description="name of a prompt set whose conversation is held, in place of a prompt")
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = Field(default=64, description="longest answer, in tokens")
    targets: Annotated[tuple[NamePattern, ...], Strict(False), AfterValidator(_some)] | None = Field(
        default=None, description="names of the targets to chat with, or patterns like `team-*`; left out: all"
    )
    timeout_seconds: Seconds = Field(default=_DEFAULTS.total_seconds, alias="timeout", description="longest chat, from its start")
    first_token_timeout_seconds: Seconds = Field(
        default=None, alias="first_token_timeout", validate_default=True, description="longest wait for the first token, once the request is sent"
    )
    stall_timeout_seconds: Seconds = Field(
        default=None, alias="stall_timeout", validate_default=True, description="longest gap between tokens, after the first"
    )
    active: Active | None = Field(
        default=None, description="when to chat, like `Mon-Fri 08:00-18:00 Europe/Berlin`, or a list of such windows; left out: always"
    )
    pair: bool = Field(default=False, description="the same prompt goes to all targets at the same instant, so that they can be compared")
    yields: bool = Field(default=False, description="it is held back by `limits.load_share` while others use the engine")
    expect: Mapping[Name, Expectation] = Field(default={}, description="checks of the answer, by name; a chat fails by the first that is not met")
    cache: Cache = Field(default="cold", description="`cold`: each prompt is new to the engine's prefix cache; `warm`: it is the same each time")
    thinking: Switch = Field(default=False, description="`on` lets a reasoning model think first")
    connection: ConnectionPolicy = Field(default="reuse", description="`reuse` keeps connections alive; `fresh` opens one for each chat")
    trace_context: TraceContext = Field(
        default="sampled",
        description="`sampled`: the engine's tracer, if it has one, records each chat, under its `request_id`; `unsampled` asks it not to; "
        "`none` says nothing",
    )
    exact_length: bool = Field(default=False, description=f"answers of exactly `max_tokens`; {listed(exact_ones())} only")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=1, description="seed of prompts and of sampling: the same seed, the same chats")

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(
            first_token_seconds=self.first_token_timeout_seconds, stall_seconds=self.stall_timeout_seconds, total_seconds=self.timeout_seconds
        )

    @property
    def load(self) -> Load:
        """How much is asked of each target, and when."""
        if self.every_seconds is not None:
            return Every(self.every_seconds)
        if self.rate is not None:
            return OpenLoop((RateStage(self.rate),), self.arrivals)
        if self.users is not None:
            return ClosedLoop((UserStage(self.users),), self.think_time, self.ramp_up_seconds)
        stages = [stage.load for stage in self.stages or ()]
        rates = tuple(stage for stage in stages if isinstance(stage, RateStage))
        if rates:
            return OpenLoop(rates, self.arrivals)
        return ClosedLoop(tuple(stage for stage in stages if isinstance(stage, UserStage)), self.think_time, self.ramp_up_seconds)

    @property
    def checks(self) -> Checks | None:
        """What looks at its answers; None where nothing is expected of them."""
        return Checks({name: expectation.check for name, expectation in self.expect.items()}) if self.expect else None

    def covers(self, target: str) -> bool:
        """Whether it is for a target of this name."""
        return self.targets is None or any(fnmatchcase(target, pattern) for pattern in self.targets)

    @field_validator("expect")
    @classmethod
    def _within_answers(cls, expect: Mapping[str, Expectation], info: ValidationInfo) -> Mapping[str, Expectation]:
        most = info.data.get("max_tokens")
        wanted = {name: expectation.min_tokens.count for name, expectation in expect.items() if expectation.min_tokens}
        if most is not None and (too_many := [name for name, count in wanted.items() if count > most]):
            text = f"is more than max_tokens, so that every chat would fail; write {most} or less, or a larger max_tokens"
            raise as_error([((name, "min_tokens"), text) for name in too_many])
        return expect

    @field_validator("first_token_timeout_seconds", "stall_timeout_seconds", mode="before")
    @classmethod
    def _default_within_timeout(cls, written: object, info: ValidationInfo) -> object:
        """Left out: the default, or the whole chat's timeout where that is shorter."""
        if written is not None:
            return written
        default = _DEFAULTS.first_token_seconds if info.field_name == "first_token_timeout_seconds" else _DEFAULTS.stall_seconds
        return write_duration(min(default, info.data.get("timeout_seconds", default)))

    @field_validator("first_token_timeout_seconds", "stall_timeout_seconds")
    @classmethod
    def _within_timeout(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds > info.data.get("timeout_seconds", seconds):
            raise ValueError("is longer than the chat's own timeout and would never strike; write a shorter one, or a longer timeout")
        return seconds

    @model_validator(mode="wrap")
    @classmethod
    def _of_one_load(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Looks at which keys there are even where their values are wrong, so that all errors come at once."""
        keys = [field.alias or name for name, field in cls.model_fields.items()]
        findings = list(misfits(data, keys)) if isinstance(data, Mapping) else []
        try:
            scenario = handler(data)
        except ValidationError as error:
            raise as_error(findings, error) from None
        refuse(findings)
        return scenario

    @model_serializer(mode="wrap")
    def _without_what_has_no_effect(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Defaults of keys that do not go with what was written would be errors if they were read back."""
        written: dict[str, Any] = write(self)
        if self.conversation is not None:
            written.pop("prompt", None)
        if not isinstance(self.load, OpenLoop):
            written.pop("arrivals", None)
        return written
