"""How chatprobe itself is doing, by the metrics that it serves of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.samples import Sample

from catalogue import own
from catalogue.metric import Metric
from catalogue.process import CPU_SECONDS, MOST_FILES, OPEN_FILES, RESIDENT_MEMORY
from probes.wire.workers import WorkerState

_SHARE = 0.99
_READ = (own.LOOP_LAG, own.SCHEDULE_LAG, own.COALESCED_CHUNKS, own.BUILD_INFO, own.RELOAD_SUCCESSFUL, own.RELOAD_TIMESTAMP, own.SHARDS)
_PROCESS = ProcessCollector(registry=None)
"""Of another collector than that of the registry, which cannot be asked for some of its metrics."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How late something was since the start: 99 of 100 times by no more than this. None before the first, and beyond the last boundary."""

    times: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """chatprobe's own state. What nobody tells is None."""

    version: str
    python: str
    loop_lag: Lag
    schedule_lag: Lag
    coalesced_chunks: float
    reloaded_well: bool
    reloaded_at: float | None
    shards: str
    counted: Mapping[Metric, float]
    memory_bytes: float | None
    cpu_seconds: float | None
    open_files: float | None
    most_files: float | None
    workers: tuple[WorkerState, ...]


def own_figures(registry: CollectorRegistry, counted: Mapping[Metric, Callable[[], float]], workers: Sequence[WorkerState]) -> OwnFigures:
    """Read them. `counted` are those whose truth is kept elsewhere."""
    names = [name for metric in _READ for name in (metric.name, metric.bucket)]
    families = (*registry.restricted_registry(names).collect(), *_PROCESS.collect())
    samples: list[Sample] = [sample for family in families for sample in family.samples]
    built = next((sample.labels for sample in samples if sample.name == own.BUILD_INFO.name), {})
    shard = next((f"{sample.labels[own.SHARD]} of {sample.value:.0f}" for sample in samples if sample.name == own.SHARDS.name), "")
    return OwnFigures(
        version=built.get(own.VERSION, ""),
        python=built.get(own.PYTHON_VERSION, ""),
        loop_lag=_lag(samples, own.LOOP_LAG),
        schedule_lag=_lag(samples, own.SCHEDULE_LAG),
        coalesced_chunks=_value(samples, own.COALESCED_CHUNKS.name) or 0.0,
        reloaded_well=_value(samples, own.RELOAD_SUCCESSFUL.name) != 0,
        reloaded_at=_value(samples, own.RELOAD_TIMESTAMP.name),
        shards=shard,
        counted={metric: read() for metric, read in counted.items()},
        memory_bytes=_value(samples, RESIDENT_MEMORY.name),
        cpu_seconds=_value(samples, CPU_SECONDS.name),
        open_files=_value(samples, OPEN_FILES.name),
        most_files=_value(samples, MOST_FILES.name),
        workers=tuple(workers),
    )


def _value(samples: Iterable[Sample], name: str) -> float | None:
    return next((sample.value for sample in samples if sample.name == name), None)


def _lag(samples: Iterable[Sample], metric: Metric) -> Lag:
    buckets = sorted((float(sample.labels["le"]), sample.value) for sample in samples if sample.name == metric.bucket)
    times = buckets[-1][1] if buckets else 0.0
    bound = next((bound for bound, count in buckets[:-1] if times and count >= _SHARE * times), None)
    return Lag(int(times), bound)
