"""`chatprobe_native_*`: the engines' own numbers under one name for all of them, as they were last told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.samples import Sample as Exposed
from prometheus_client.utils import floatToGoString

from catalogue import unified
from catalogue.metric import BACKEND, MODEL, REPLICA, TARGET, Metric
from exporter.metrics.ledger import Ledger
from exporter.native.families import Family
from exporter.native.loaded import LoadedModel
from exporter.native.mapping import ollama, tgi, vllm
from exporter.native.mapping.histogram import Histogram
from exporter.native.mapping.source import Value
from exporter.native.observed import Observed
from probes.backends.ollama import Ollama
from probes.record import ChatRecord

Told = Mapping[str, Sequence[Exposed]]
"""The samples that one process has, by the metric's name."""

_MAPPINGS: Mapping[str, Callable[[Sequence[Family]], Iterable[tuple[Metric, Value | None]]]] = {"vllm": vllm.mapped, "tgi": tgi.mapped}


class Unified:
    """A collector for a registry that is read through the same ledger: a scrape sees what a process told wholly or not at all.

    Everything may be called from any thread; what is put is worked out in the caller's.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._scraped: dict[tuple[str, str | None], Told] = {}
        self._loaded: dict[tuple[str, str | None], Told] = {}
        self._chats: dict[str, _Chats] = {}

    def put(self, target: str, backend: str, model: str, replica: str | None, families: Sequence[Family]) -> None:
        """What one process of a target tells now, in place of what it told before. A backend without metrics of its own tells nothing."""
        labels = {TARGET: target, BACKEND: backend, MODEL: model}
        if replica is not None:
            labels[REPLICA] = replica
        mapped = _MAPPINGS[backend](families) if backend in _MAPPINGS else ()
        told = {metric.name: _samples(metric, labels, value) for metric, value in mapped if value is not None}
        self._ledger.write(partial(self._scraped.__setitem__, (target, replica), told))

    def put_loaded(self, target: str, model: str, models: Sequence[LoadedModel], replica: str | None = None) -> None:
        """What one Ollama of a target has in memory now; `model` is the target's. What its chats count begins at 0 where nothing was counted yet."""
        told: dict[str, list[Exposed]] = {}
        for one in ollama.loaded(model, models):
            labels = _labels(target, one.model) | ({} if replica is None else {REPLICA: replica})
            told.setdefault(one.metric.name, []).extend(_samples(one.metric, labels, one.value))
        self._ledger.write(partial(self._load, target, model, replica, told))

    def chat(self, record: ChatRecord) -> None:
        """Take what Ollama said of a chat that ended `ok` or `failed`. Chats with engines that have metrics tell nothing new."""
        if record.backend == Ollama.name and record.outcome != "cancelled":
            self._ledger.write(partial(self._take, record))

    def drop(self, target: str, replica: str | None) -> None:
        """What this replica of the target (None: the only one) told does not hold any more; what its chats told does."""
        self._ledger.write(partial(self._drop, target, replica))

    def forget(self, target: str) -> None:
        """The target is gone, with all that it and its chats told."""
        self._ledger.write(partial(self._forget, target))

    def collect(self) -> Iterator[Collected]:
        every = [*self._scraped.values(), *self._loaded.values(), *(chats.told() for chats in self._chats.values())]
        for metric in unified.NATIVE:
            samples = [sample for told in every for sample in told.get(metric.name, ())]
            if samples:
                family = Collected(metric.name.removesuffix("_total"), metric.help, metric.type)
                family.samples = samples
                yield family

    def _load(self, target: str, model: str, replica: str | None, told: Told) -> None:
        self._loaded[target, replica] = told
        if target not in self._chats:
            self._chats[target] = _Chats(target, model)

    def _take(self, record: ChatRecord) -> None:
        chats = self._chats.get(record.target)
        if chats is None or chats.ended_by(record):
            chats = self._chats[record.target] = _Chats(record.target, record.model)
        chats.take(record)

    def _drop(self, target: str, replica: str | None) -> None:
        self._scraped.pop((target, replica), None)
        self._loaded.pop((target, replica), None)

    def _forget(self, target: str) -> None:
        for kept in (self._scraped, self._loaded):
            for key in [key for key in kept if key[0] == target]:
                del kept[key]
        self._chats.pop(target, None)


class _Chats:
    """What the chats with one target told, under one model."""

    def __init__(self, target: str, model: str) -> None:
        self._labels = _labels(target, model)
        self._observed = Observed(ollama.OF_CHATS)
        self._newest_ns = 0

    def ended_by(self, record: ChatRecord) -> bool:
        """Whether the target's model has changed: a chat with another began after all that were taken. One that was under way then is taken here."""
        return record.model != self._labels[MODEL] and record.started_ns > self._newest_ns

    def take(self, record: ChatRecord) -> None:
        self._newest_ns = max(self._newest_ns, record.started_ns)
        for metric, value in ollama.said(record):
            self._observed.put(metric, value)

    def told(self) -> Told:
        return {metric.name: _samples(metric, self._labels, value) for metric, value in self._observed.values()}


def _labels(target: str, model: str) -> dict[str, str]:
    return {TARGET: target, BACKEND: Ollama.name, MODEL: model}


def _samples(metric: Metric, labels: dict[str, str], value: Value) -> list[Exposed]:
    if not isinstance(value, Histogram):
        return [Exposed(metric.name, labels, value)]
    bounds = (floatToGoString(bound) for bound in value.bounds)  # type: ignore[no-untyped-call]
    return [
        *(Exposed(metric.bucket, {**labels, "le": bound}, count) for bound, count in zip(bounds, value.counts, strict=True)),
        Exposed(metric.count, labels, value.count),
        Exposed(metric.sum, labels, value.total),
    ]
