"""The engines' own metrics: where each target has them, how often they are read, and which of them are served on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from config.base import Section
from config.durations import write_duration
from config.quantities import Seconds
from config.rules import Finding, check_plain_url, refuse_repeats
from probes import backends
from probes.backends.backend import Backend
from probes.wording import listed

PATH = "/metrics"
"""What is meant by the URL of a replica without a path."""
HAVE_METRICS = backends.titles(lambda backend: backend.metrics)
SERIES_BEFORE = "series_per_target"
"""What `series_per_replica` was called while all replicas of a target shared it; it is read still."""
_PREFIXES = [f"`{prefix}*`" for backend in backends.BACKENDS.values() if backend.metrics for prefix in backend.metrics.prefixes]
_DENIED = tuple(name for backend in backends.BACKENDS.values() if backend.metrics for name in backend.metrics.denied)
_TIMEOUT_SECONDS = 5.0
_PATH = re.compile(r"/[!-~]*", re.ASCII)
_METRIC_PATTERN = re.compile(r"[A-Za-z_:*][A-Za-z0-9_:*]{0,255}", re.ASCII)


def _of_an_interval(seconds: float) -> float:
    if not 1 <= seconds <= 600:
        raise ValueError("is out of range; write a duration from 1s to 10m")
    return seconds


def _metric_pattern(written: str) -> str:
    if not _METRIC_PATTERN.fullmatch(written):
        raise ValueError("is no name of a metric; write letters, digits, _ and : only, and * for any part of it")
    return written


def _path(written: str) -> str:
    if not _PATH.fullmatch(written) or "?" in written or "#" in written:
        raise ValueError("is not a path of a URL; write one like /metrics, without a query")
    return written


def _page(url: str) -> str:
    url = check_plain_url(url)
    return url if urlsplit(url).path else url + PATH


def _each_once(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not urls:
        raise ValueError("is empty; name at least one, or leave it out")
    refuse_repeats(urls, "page")
    return urls


MetricPatterns = Annotated[tuple[Annotated[str, AfterValidator(_metric_pattern)], ...], Strict(False)]
"""Names of metrics, or patterns with `*` for any part of them."""


class Native(Section):
    """How the engines' own metrics are read, and which of them are served beside chatprobe's."""

    interval_seconds: Annotated[Seconds, AfterValidator(_of_an_interval)] = Field(
        default=15.0, alias="interval", description="how often each engine is asked for its own metrics, `1s` to `10m`"
    )
    timeout_seconds: Seconds = Field(
        default=None, alias="timeout", validate_default=True, description="longest answer to that; never longer than `interval`"
    )
    relay: bool = Field(default=True, description=f"whether {listed(_PREFIXES)} are served on, under their own names")
    allow: MetricPatterns = Field(default=(), description="names of those that are served on, or patterns like `vllm:*_seconds`; left out: all")
    deny: MetricPatterns = Field(default=_DENIED, description="names of those that are not, or patterns")
    buckets: Literal["used", "all"] = Field(
        default="used", description="which buckets of their histograms: those that dashboards, rules or `chatprobe_native_*` use, or `all`"
    )
    series_per_replica: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=2000,
        validation_alias=AliasChoices("series_per_replica", SERIES_BEFORE),
        description="most of these series for each process that is read; more are dropped, and counted",
    )
    series_in_all: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=250_000, description="most of these series of all processes together, of which each has an equal share"
    )

    @field_validator("timeout_seconds", mode="before")
    @classmethod
    def _default_within_interval(cls, written: object, info: ValidationInfo) -> object:
        """Left out: the default, or the interval where that is shorter."""
        return write_duration(min(_TIMEOUT_SECONDS, info.data.get("interval_seconds", _TIMEOUT_SECONDS))) if written is None else written

    @field_validator("timeout_seconds")
    @classmethod
    def _within_interval(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds > info.data.get("interval_seconds", seconds):
            raise ValueError("is longer than the interval, so that answers would overlap; write a shorter one, or a longer interval")
        return seconds


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """One process's metrics; `replica` tells it from the others of its target, None where there are no others.

    `server_name` is what its certificate is expected to name, where that is not the URL's host.
    """

    url: str
    replica: str | None
    server_name: str | None = None


class TargetMetrics(Section):
    """Where a target's own metrics are: at a path of its URL, or, of several processes behind one address, at a URL for each of them."""

    path: Annotated[str, AfterValidator(_path)] | None = Field(default=None, description="path of the metrics, below the target's `url`")
    urls: Annotated[tuple[Annotated[str, AfterValidator(_page)], ...], Strict(False), AfterValidator(_each_once)] | None = Field(
        default=None, description="URL of each replica's metrics, where `url` leads to several; without a path, `/metrics` is meant"
    )

    @property
    def wanted(self) -> bool:
        """False for `metrics: false`."""
        return self.path is not None or self.urls is not None

    def pages(self, url: str) -> tuple[MetricsPage, ...]:
        """The metrics of a target at `url`, a page for each process. A replica is named by its host and port, or its whole address."""
        if self.path is not None:
            return (MetricsPage(url + self.path, None),)
        urls = self.urls or ()
        if len(urls) == 1:
            return (MetricsPage(urls[0], None),)
        hosts = [urlsplit(page).netloc for page in urls]
        names = hosts if len(set(hosts)) == len(hosts) else [page.partition("://")[2] for page in urls]
        return tuple(MetricsPage(page, name) for page, name in zip(urls, names, strict=True))

    @model_validator(mode="wrap")
    @classmethod
    def _map_or_false(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if data is False:
            return cls.model_construct()
        if data is True:
            raise ValueError("cannot be true; leave it out, or write {path: PATH}, {urls: [URL]} or false")
        settings = handler(data)
        if settings is not data and (settings.path is None) == (settings.urls is None):
            raise ValueError("does not say one place; write {path: PATH} or {urls: [URL]}")
        return settings

    @model_serializer(mode="wrap")
    def _false_where_off(self, write: SerializerFunctionWrapHandler) -> object:
        return write(self) if self.wanted else False


def check_fits(metrics: TargetMetrics | None, backend: Backend) -> Iterator[Finding]:
    """What is wrong with a place of metrics for such an engine."""
    if metrics is None or not metrics.wanted or backend.metrics is not None:
        return
    have = listed(backends.titles(lambda backend: backend.metrics))
    if backend.on_demand is not None:
        asked = f"{backend.title} has no page of metrics, and is asked at {backend.on_demand.path}"
        yield ("metrics",), f"is for {have}: {asked}; leave it out, or write false"
    else:
        yield ("metrics",), f"is for {have}, whose metrics chatprobe knows; leave it out"
