"""How the measuring workers stand, and what they take of the machine: read at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from catalogue import own
from catalogue.metric import Metric
from probes.processes import cpu_seconds, resident_bytes
from probes.wire.workers import WorkerState

_READ: tuple[tuple[Metric, Callable[[WorkerState], float | None]], ...] = (
    (own.WORKER_UP, lambda worker: worker.answers),
    (own.WORKER_STREAMS, lambda worker: worker.streams),
    (own.WORKER_RESTARTS, lambda worker: worker.restarts),
    (own.WORKER_CPU, lambda worker: None if worker.pid is None else cpu_seconds(worker.pid)),
    (own.WORKER_MEMORY, lambda worker: None if worker.pid is None else resident_bytes(worker.pid)),
)


class Workforce:
    """A series of each metric for each worker. What a worker that is just being started again takes is absent."""

    def __init__(self, workers: Callable[[], Sequence[WorkerState]]) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Collected]:
        workers = self._workers()
        for metric, read in _READ:
            kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
            for worker in workers:
                value = read(worker)
                if value is not None:
                    family.add_metric([str(worker.number)], value)
            yield family
