"""How chatprobe itself was while a run went on: what may have disturbed its measuring."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.session import Instruments

LOOKS_EVERY_SECONDS = 0.1
_LAGS_KEPT = 1_000_000
"""Those of a day."""


@dataclass
class OwnHealth:
    """Filled while the run goes on. `loop_lags_seconds` is how late the main process's event loop was, ten times a second.

    Chats begin on that loop. Their tokens are stamped by the kernel and read by the worker, which it does not hold up.
    """

    loop_lags_seconds: list[float] = field(default_factory=list)
    clock_steps: int = 0
    main_cpu_seconds: float = 0.0
    worker_cpu_seconds: float | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """What the manifest keeps of it."""
        lags = np.array(self.loop_lags_seconds or [0.0])
        return {
            "seconds": round(self.seconds, 3),
            "loop_lag_seconds": {name: round(float(np.quantile(lags, share)), 6) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
            "clock_steps": self.clock_steps,
            "main_cpu_seconds": round(self.main_cpu_seconds, 3),
            "worker_cpu_seconds": self.worker_cpu_seconds,
        }


@asynccontextmanager
async def watched(instruments: Instruments, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[OwnHealth]:
    """Watches over the main process, and what the worker takes, while the context lasts."""
    health = OwnHealth()
    began, cpu, steps, worker = clock(), time.process_time(), instruments.prober.clock_steps, _cpu_seconds(instruments.prober.worker_pid)
    watching = asyncio.create_task(_watch(health, clock))
    try:
        yield health
    finally:
        watching.cancel()
        health.seconds = clock() - began
        health.main_cpu_seconds = time.process_time() - cpu
        health.clock_steps = instruments.prober.clock_steps - steps
        now = _cpu_seconds(instruments.prober.worker_pid)
        health.worker_cpu_seconds = None if now is None or worker is None else round(now - worker, 3)


async def _watch(health: OwnHealth, clock: Callable[[], float]) -> None:
    while True:
        due = clock() + LOOKS_EVERY_SECONDS
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
        if len(health.loop_lags_seconds) < _LAGS_KEPT:
            health.loop_lags_seconds.append(max(0.0, clock() - due))


def _cpu_seconds(pid: int | None) -> float | None:
    """What a process has taken of the processors, by proc_pid_stat(5); None where it is gone."""
    if pid is None:
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
