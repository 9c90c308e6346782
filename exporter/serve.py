"""Runs the exporter as a program, until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from config.model import Config
from config.quantities import Address
from config.reader import Loaded
from discovery.kubernetes.api import Api, ApiError
from discovery.kubernetes.lease import Lease, LeaseName, own_identity
from exporter.exporting import ServeError, exporting
from exporter.watching import Signatures
from exporter.web.api.runs import Bench
from exporter.web.racing import Judge, no_judge
from traffic.events import Sink
from traffic.sharding import WHOLE, Shard

_GARBAGE_OBJECTS = 10_000
"""By how many objects more garbage is looked for. A page and a scrape make thousands that are none; at Python's 700 it took a fifth of their time."""


class Display(Protocol):
    """What people see of the exporter while it runs."""

    @property
    def sink(self) -> Sink: ...

    def at(self, address: Address) -> AbstractAsyncContextManager[None]:
        """Shown while the context lasts; `address` is where the exporter listens."""
        ...


async def serve(
    config: Config,
    *,
    read: Callable[[], Loaded] | None = None,
    files: Signatures | None = None,
    records: Path | None = None,
    log_lines_lost: Callable[[], int] = lambda: 0,
    shard: Shard = WHOLE,
    lease: LeaseName | None = None,
    display: Display | None = None,
    bench: Bench | None = None,
    judge: Judge = no_judge,
) -> None:
    """Run the exporter until SIGTERM or SIGINT. Raises `ServeError`.

    It is stopped gracefully; a second signal cuts that short. SIGHUP reloads. The `display` hears of every event, and is
    shown while chats are held. `bench` holds benchmark runs that are asked for in the API, and `judge` says what races
    have shown.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    hung_up = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    sinks = [] if display is None else [display.sink]
    held = None if lease is None else _lease(config, lease)
    with contextlib.suppress(asyncio.CancelledError):
        work = exporting(
            config,
            read=read,
            files=files,
            records=records,
            sinks=sinks,
            log_lines_lost=log_lines_lost,
            shard=shard,
            lease=held,
            bench=bench,
            judge=judge,
        )
        async with work as running, _shown(display, running.address):
            # what stands now stays: without it in their way, full collections of garbage take less than a millisecond instead of 25
            gc.collect()
            gc.freeze()
            gc.set_threshold(_GARBAGE_OBJECTS)
            while await hung_up.wait():
                hung_up.clear()
                await running.reloading.reload()


def _shown(display: Display | None, address: Address) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext() if display is None else display.at(address)


def _lease(config: Config, name: LeaseName) -> Lease:
    """The lease of this name. Raises `ServeError` where there is no cluster."""
    try:
        return Lease(Api(config.discovery.kubernetes), name, own_identity())
    except ApiError as error:
        raise ServeError(f"a lease needs a cluster: {error}") from error
