"""The configuration, typed: what an operator may write, and the default of each key beside it.

A key's name in YAML is the field's alias where the two differ (`every` is `every_seconds`: fields carry their units). Objects are
immutable, refuse unknown keys, and hold no secret: an API key is a reference (`config.secrets` reads it), and header values are
`SecretStr`. An error's text has the form "what is wrong; what would be right"; the reader adds where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, Strict, ValidationError, model_validator

from config.alerting import Alerts
from config.base import Section
from config.bench import Bench
from config.credentials import Credential
from config.engine_metrics import Native
from config.history import HistorySettings
from config.kubernetes import Kubernetes
from config.quantities import Folder, LoadShare, Name, Seconds, Share, WorkerCount
from config.references import dangling, targetless
from config.rules import as_error
from config.scenario import Scenario
from config.targets import NonEmpty, Target
from config.web import Web

__all__ = ["Alerts", "Bench", "Config", "Discovery", "Doubtful", "Limits", "Native", "Scenario", "Slo", "Target", "Web"]

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Metrics(Section):
    """How chatprobe's own metrics are served."""

    created: bool = Field(default=False, description="whether OpenMetrics has when each counter and histogram began: a series more of each")
    native_histograms: bool = Field(
        default=False, description="whether scrapers that take protobuf have our histograms as native ones too; a change needs a restart"
    )


class Discovery(Section):
    """Where more targets are found while chatprobe runs."""

    files: Annotated[tuple[NonEmpty, ...], Strict(False)] = Field(
        default=(), description="files of targets, or patterns like `targets/*.yaml`; they are watched"
    )
    kubernetes: Kubernetes | None = Field(default=None, description="engines in a cluster, which is watched; left out: none")

    @property
    def looks(self) -> bool:
        """Whether targets are looked for anywhere."""
        return bool(self.files) or self.kubernetes is not None


class Slo(Section):
    """An objective on a scenario. Without a threshold it is one on availability; with several, a good chat meets them all."""

    scenario: str = Field(description="name of the scenario whose chats count")
    ttft_seconds: Seconds | None = Field(default=None, alias="ttft", description="longest time to first token of a good chat")
    tpot_seconds: Seconds | None = Field(default=None, alias="tpot", description="longest time per output token of a good chat")
    e2e_seconds: Seconds | None = Field(default=None, alias="e2e", description="longest good chat, from start to end")
    latency_only: bool = Field(
        default=False,
        description="whether thresholds are asked only of chats that have what they are on, however they ended: failures are left to another SLO",
    )
    objective: Share = Field(description="share of good chats, above `0%` and below `100%`")
    window_seconds: Seconds = Field(default=30 * 86400.0, alias="window", description="over which the objective holds")

    @property
    def thresholds(self) -> dict[str, float]:
        """Those that are set, in seconds, by their key."""
        limits = {"ttft": self.ttft_seconds, "tpot": self.tpot_seconds, "e2e": self.e2e_seconds}
        return {key: seconds for key, seconds in limits.items() if seconds is not None}

    @model_validator(mode="after")
    def _latency_of_something(self) -> Self:
        if self.latency_only and not self.thresholds:
            raise as_error([(("latency_only",), "has no threshold to ask for; write ttft: 500ms, or leave it out for an objective on availability")])
        return self


Doubtful = Literal["keep", "drop"]


class Limits(Section):
    """Bounds of the load that chatprobe brings."""

    streams: Count = Field(default=500, description="most chats at once, over all targets")
    streams_per_target: Count = Field(default=100, description="most chats at once with one target")
    tokens_per_hour: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        default=None, description="most tokens in any hour, of input and output together, over all targets; left out: no bound"
    )
    load_share: LoadShare | None = Field(
        default=None, description="largest share, like `5%`, of an engine's tokens in scenarios that yield, while others use it; left out: no bound"
    )
    discovered_targets: Annotated[int, Field(ge=1, le=10_000)] = Field(default=200, description="most targets that are taken from discovery")
    doubtful: Doubtful = Field(
        default="keep", description="whether timings that may be off by more than 1 ms go into latency histograms and are held against SLOs"
    )


class Config(Section):
    """The whole configuration."""

    web: Web = Field(default=Web(), description="the exporter's own web server")
    targets: Mapping[Name, Target] = Field(default={}, description="engines to chat with, by name; may be left out where they are discovered")
    discovery: Discovery = Field(default=Discovery(), description="where more targets are found")
    credentials: Annotated[tuple[Credential, ...], Strict(False)] = Field(
        default=(), description="keys for discovered targets, which bring none of their own; the first that matches is used"
    )
    scenarios: Annotated[Mapping[Name, Scenario], Field(min_length=1)] = Field(description="kinds of chats, by name")
    slos: Mapping[Name, Slo] = Field(default={}, description="service level objectives, by name")
    limits: Limits = Field(default=Limits(), description="bounds of the load that chatprobe brings")
    workers: WorkerCount = Field(
        default="auto",
        description="measuring workers, the processes that hold and time chats, `1` to `64`; `auto`: as `limits` needs and processors allow",
    )
    native: Native = Field(default=Native(), description="the engines' own metrics")
    metrics: Metrics = Field(default=Metrics(), description="how chatprobe's own metrics are served")
    history: HistorySettings = Field(default=HistorySettings(), description="what is kept of chats for pages and the API")
    bench: Bench = Field(default=Bench(), description="what `chatprobe bench` does")
    alerts: Alerts = Field(default=Alerts(), description="what the rules that `chatprobe alerts` writes are for")
    secret_dirs: Annotated[tuple[Folder, ...], Strict(False)] = Field(
        default=("/run/secrets", "/var/run/secrets/chatprobe"), description="folders (absolute) that secret files may lie below"
    )

    @property
    def benched(self) -> str:
        """The name of the scenario whose chats `chatprobe bench` holds: the one that `bench` names, else the first."""
        return self.bench.scenario or next(iter(self.scenarios))

    @property
    def most_streams(self) -> int:
        """Chats at once at most, with all targets that there can be."""
        targets = len(self.targets) + (self.limits.discovered_targets if self.discovery.looks else 0)
        return min(self.limits.streams, targets * self.limits.streams_per_target)

    def targets_of(self, scenario: Scenario) -> Mapping[str, Target]:
        """The configured targets that a scenario chats with, by name."""
        return {name: target for name, target in self.targets.items() if scenario.covers(name)}

    @model_validator(mode="wrap")
    @classmethod
    def _with_references(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Looks at what one section says of another even where a section is wrong in itself, so that all errors come at once."""
        findings = list(dangling(data))
        missing = ["targets"] if targetless(data) else []
        try:
            config = handler(data)
        except ValidationError as error:
            raise as_error(findings, error, missing=missing) from None
        if findings or missing:
            raise as_error(findings, missing=missing)
        return config
