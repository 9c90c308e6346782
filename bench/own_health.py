"""How chatprobe itself was while a run went on: what may have disturbed its measuring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from bench.session import Instruments
from probes.processes import cpu_seconds
from probes.wire.workers import WorkerState

LOOKS_EVERY_SECONDS = 0.1
_LAGS_KEPT = 1_000_000
"""Those of a day."""


@dataclass
class OwnHealth:
    """Filled while the run goes on. `loop_lags_seconds` is how late the main process's event loop was, ten times a second.

    Chats begin on that loop. Their tokens are stamped by the kernel and read by the workers, which it does not hold up. `worker_lags_seconds` is how
    late these were, once a second each. `worker_cpu_seconds` is of all of them, and None where one of them is gone.
    """

    loop_lags_seconds: list[float] = field(default_factory=list)
    worker_lags_seconds: list[float] = field(default_factory=list)
    clock_steps: int = 0
    main_cpu_seconds: float = 0.0
    workers: int = 0
    worker_restarts: int = 0
    worker_cpu_seconds: float | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """What the manifest keeps of it."""
        return {
            "seconds": round(self.seconds, 3),
            "loop_lag_seconds": _quantiles(self.loop_lags_seconds),
            "clock_steps": self.clock_steps,
            "main_cpu_seconds": round(self.main_cpu_seconds, 3),
            "workers": self.workers,
            "worker_restarts": self.worker_restarts,
            "worker_lag_seconds": _quantiles(self.worker_lags_seconds),
            "worker_cpu_seconds": self.worker_cpu_seconds,
        }


@asynccontextmanager
async def watched(instruments: Instruments, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[OwnHealth]:
    """Watches over the main process, and over the workers, while the context lasts."""
    health, prober = OwnHealth(), instruments.prober
    began, cpu, steps, lags = clock(), time.process_time(), prober.clock_steps, len(instruments.worker_lags_seconds)
    restarts, workers = _restarts(prober.workers), _cpu_seconds(prober.workers)
    watching = asyncio.create_task(_watch(health, clock))
    try:
        yield health
    finally:
        watching.cancel()
        health.seconds = clock() - began
        health.main_cpu_seconds = time.process_time() - cpu
        health.clock_steps = prober.clock_steps - steps
        health.workers, health.worker_restarts = len(prober.workers), _restarts(prober.workers) - restarts
        health.worker_lags_seconds = instruments.worker_lags_seconds[lags:]
        now = _cpu_seconds(prober.workers)
        gone = health.worker_restarts or None in (*now.values(), *workers.values())
        health.worker_cpu_seconds = None if gone else round(sum(filter(None, now.values())) - sum(filter(None, workers.values())), 3)


async def _watch(health: OwnHealth, clock: Callable[[], float]) -> None:
    while True:
        due = clock() + LOOKS_EVERY_SECONDS
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
        if len(health.loop_lags_seconds) < _LAGS_KEPT:
            health.loop_lags_seconds.append(max(0.0, clock() - due))


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    found = np.array(values or [0.0])
    return {name: round(float(np.quantile(found, share)), 6) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


def _restarts(workers: Sequence[WorkerState]) -> int:
    return sum(worker.restarts for worker in workers)


def _cpu_seconds(workers: Sequence[WorkerState]) -> dict[int, float | None]:
    """What each has taken of the processors by now, by its number; None where it is gone."""
    return {worker.number: None if worker.pid is None else cpu_seconds(worker.pid) for worker in workers}
