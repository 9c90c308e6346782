"""`chatprobe_native_*`: the newest values of the numbers that all engines have under one name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.samples import Sample as Exposed
from prometheus_client.utils import floatToGoString

from catalogue import unified
from catalogue.metric import BACKEND, MODEL, REPLICA, TARGET, Metric
from exporter.metrics.ledger import Ledger
from exporter.native.observed import Observed
from probes import backends
from probes.numbers.histogram import Histogram
from probes.numbers.loaded import LoadedModel
from probes.numbers.of_chats import OfChats
from probes.numbers.page import Numbers, Value
from probes.record import ChatRecord

Told = Mapping[str, Sequence[Exposed]]
"""The samples of one process, by the metric's name."""


class Unified:
    """A collector for a registry that is read through the same ledger: a scrape sees all that a process told at once,
    or nothing.

    Everything may be called from any thread. Samples are made in the thread of the caller.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._scraped: dict[tuple[str, str | None], Told] = {}
        self._loaded: dict[tuple[str, str | None], Told] = {}
        self._chats: dict[str, _Chats] = {}

    def serve_numbers(self, target: str, backend: str, model: str, replica: str | None, numbers: Numbers) -> None:
        """Serve what one process of a target tells now, in place of what it told before."""
        labels = _labels(target, backend, model, replica)
        metrics = ((unified.METRICS[number], value) for number, value in numbers.items())
        told = {metric.name: _samples(metric, labels, value) for metric, value in metrics}
        self._ledger.write(partial(self._scraped.__setitem__, (target, replica), told))

    def serve_loaded(self, target: str, backend: str, model: str, replica: str | None, models: Sequence[LoadedModel]) -> None:
        """Serve what one process of a target has in memory now. `model` is the target's own model.

        What is counted from the target's chats begins at 0 with the first call.
        """
        told: dict[str, list[Exposed]] = {}
        for name, one in _named(models, backend, model).items():
            labels = _labels(target, backend, name, replica)
            for number, value in one.numbers():
                metric = unified.METRICS[number]
                told.setdefault(metric.name, []).extend(_samples(metric, labels, value))
        self._ledger.write(partial(self._load, (target, backend, model), replica, told))

    def count_chat(self, record: ChatRecord) -> None:
        """Count what the engine said of a chat that ended `ok` or `failed`.

        A chat with an engine that has metrics adds nothing: its metrics count it already.
        """
        of_chats = backends.get(record.backend).of_chats
        if of_chats is not None and record.outcome != "cancelled":
            self._ledger.write(partial(self._count_chat, record, of_chats))

    def drop(self, target: str, replica: str | None) -> None:
        """End what this replica of the target told of itself; None is the only replica. What was counted from chats
        stays.
        """
        self._ledger.write(partial(self._drop, target, replica))

    def forget(self, target: str) -> None:
        """End everything of a target that is gone."""
        self._ledger.write(partial(self._forget, target))

    def told_of(self, target: str) -> Iterator[tuple[Metric, str, float]]:
        """What each process of a target tells now: the metric, the replica (empty where there is one), and the value; of a histogram the mean of
        what it observed so far, if anything.
        """
        every = [told for kept in (self._scraped, self._loaded) for (name, _), told in list(kept.items()) if name == target]
        if (chats := self._chats.get(target)) is not None:
            every.append(chats.told())
        for metric in unified.NATIVE:
            for told in every:
                yield from _means(metric, told.get(metric.name, ()))

    def values_of(self, metric: Metric) -> Iterator[tuple[tuple[str, ...], float]]:
        """What processes tell now of a metric that is no histogram, by the values of its labels, of which one that is not there is empty."""
        for told in [*self._scraped.values(), *self._loaded.values()]:
            for sample in told.get(metric.name, ()):
                yield tuple(sample.labels.get(label, "") for label in metric.labels), sample.value

    def collect(self) -> Iterator[Collected]:
        every = [*self._scraped.values(), *self._loaded.values(), *(chats.told() for chats in self._chats.values())]
        for metric in unified.NATIVE:
            samples = [sample for told in every for sample in told.get(metric.name, ())]
            if samples:
                family = Collected(metric.name.removesuffix("_total"), metric.help, metric.type, metric.unit)
                family.samples = samples
                yield family

    def _load(self, labels: tuple[str, str, str], replica: str | None, told: Told) -> None:
        target, backend, _ = labels
        self._loaded[target, replica] = told
        of_chats = backends.get(backend).of_chats
        if of_chats is not None and target not in self._chats:
            self._chats[target] = _Chats(_labels(*labels), of_chats)

    def _count_chat(self, record: ChatRecord, of_chats: OfChats) -> None:
        chats = self._chats.get(record.target)
        if chats is None or chats.ended_by(record):
            chats = self._chats[record.target] = _Chats(_labels(record.target, record.backend, record.model), of_chats)
        chats.count(record)

    def _drop(self, target: str, replica: str | None) -> None:
        self._scraped.pop((target, replica), None)
        self._loaded.pop((target, replica), None)

    def _forget(self, target: str) -> None:
        for kept in (self._scraped, self._loaded):
            for key in [key for key in kept if key[0] == target]:
                del kept[key]
        self._chats.pop(target, None)


class _Chats:
    """What was counted from the chats with one target, under one model."""

    def __init__(self, labels: dict[str, str], of_chats: OfChats) -> None:
        self._labels = labels
        self._of_chats = of_chats
        self._observed = Observed(unified.METRICS[number] for number in of_chats.helps)
        self._newest_ns = 0

    def ended_by(self, record: ChatRecord) -> bool:
        """Whether the chat shows that the target's model has changed: its model is another, and it began after all
        chats counted here.
        """
        return record.model != self._labels[MODEL] and record.started_ns > self._newest_ns

    def count(self, record: ChatRecord) -> None:
        self._newest_ns = max(self._newest_ns, record.started_ns)
        for number, value in self._of_chats.read(record):
            self._observed.add(unified.METRICS[number], value)

    def told(self) -> Told:
        return {metric.name: _samples(metric, self._labels, value) for metric, value in self._observed.values()}


def _means(metric: Metric, samples: Sequence[Exposed]) -> Iterator[tuple[Metric, str, float]]:
    if metric.type != "histogram":
        yield from ((metric, sample.labels.get(REPLICA, ""), sample.value) for sample in samples)
        return
    sums = {sample.labels.get(REPLICA, ""): sample.value for sample in samples if sample.name == metric.sum}
    for sample in samples:
        if sample.name == metric.count and sample.value:
            replica = sample.labels.get(REPLICA, "")
            yield metric, replica, sums.get(replica, 0.0) / sample.value


def _labels(target: str, backend: str, model: str, replica: str | None = None) -> dict[str, str]:
    return {TARGET: target, BACKEND: backend, MODEL: model} | ({} if replica is None else {REPLICA: replica})


def _named(models: Sequence[LoadedModel], backend: str, model: str) -> dict[str, LoadedModel]:
    """The models by the name that they are served under: the target's own name for its model, the engine's for others.

    Of two models with one name the first counts.
    """
    key = backends.get(backend).model_key
    found: dict[str, LoadedModel] = {}
    for one in models:
        found.setdefault(model if key(one.name) == key(model) else one.name, one)
    return found


def _samples(metric: Metric, labels: dict[str, str], value: Value) -> list[Exposed]:
    if not isinstance(value, Histogram):
        return [Exposed(metric.name, labels, value)]
    bounds = (floatToGoString(bound) for bound in value.bounds)  # type: ignore[no-untyped-call]
    return [
        *(Exposed(metric.bucket, {**labels, "le": bound}, count) for bound, count in zip(bounds, value.counts, strict=True)),
        Exposed(metric.count, labels, value.count),
        Exposed(metric.sum, labels, value.total),
    ]
