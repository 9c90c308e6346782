"""The long-running process, put together: traffic on a schedule, its events into metrics, the metrics over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import structlog

from config.effective import effective
from config.model import Config
from config.quantities import Address
from config.reader import summary
from config.secrets import SecretError
from exporter.logs import ProbeLog
from exporter.looplag import watch_loop
from exporter.metrics import catalogue
from exporter.metrics.assembly import Metrics
from exporter.records import RecordFile, record_file
from exporter.web.app import Sources, application
from exporter.web.overview import Overview
from exporter.web.server import ListenError, listening
from probes.control import Control
from probes.probing import Prober
from traffic.events import Sink, to_all
from traffic.limits import Limits
from traffic.runner import GRACE_SECONDS, Runner
from traffic.schedule import SystemClock
from traffic.targets.static import endpoints
from traffic.watch import watches

_log = structlog.get_logger()


class ServeError(Exception):
    """The exporter cannot start; the text says why, and what would help."""


@asynccontextmanager
async def exporting(
    config: Config,
    *,
    records: Path | None = None,
    sinks: Sequence[Sink] = (),
    log_lines_lost: Callable[[], int] = lambda: 0,
    grace_seconds: float = GRACE_SECONDS,
) -> AsyncIterator[Address]:
    """Run the exporter while the context lasts; gives the address it listens on.

    It listens first, so that an address in use is known before anything is probed and readiness can be asked for from the start; then
    come the measuring worker and the schedule. At the end it goes the other way round: no new chats, those under way end within
    the grace time, and what became of them can still be scraped until the server closes as the last. `sinks` hear of every event too.
    Raises `ServeError`.
    """
    with _as_serve_error():
        targets = endpoints(config)
    clock = SystemClock()
    prober = Prober()
    limits = Limits(config.limits.streams, config.limits.streams_per_target)
    runner: Runner | None = None

    def not_ready() -> str | None:
        if runner is None:
            return "it is starting"
        if not runner.running:
            return "no chats are being started"
        return None if prober.running else "the measuring worker is not running"

    async with AsyncExitStack() as stack:
        with _as_serve_error():
            file = stack.enter_context(_optional(records))
        metrics = Metrics(
            config,
            {
                catalogue.STREAMS_IN_FLIGHT: lambda: limits.in_flight,
                catalogue.CLOCK_STEPS: lambda: prober.clock_steps,
                catalogue.LOG_LINES_DROPPED: log_lines_lost,
                catalogue.RECORDS_LOST: lambda: file.lost if file is not None else 0,
            },
        )
        metrics.own.configured(clock.epoch_seconds())
        overview = Overview(config)
        with _as_serve_error():
            app = application(Sources(metrics.exposition, overview, not_ready, effective(config)))
            address = await stack.enter_async_context(listening(app, config.web.listen))
        stack.enter_context(_running(watch_loop(metrics.own.loop_was_late)))
        await stack.enter_async_context(prober)
        control = await stack.enter_async_context(Control())
        tell = to_all([metrics.recording, overview, ProbeLog(), *([file] if file is not None else []), *sinks])
        runner = Runner(list(watches(config, targets, control, clock, tell)), prober, limits, clock, tell)
        stack.push_async_callback(runner.stop, grace_seconds)
        runner.start()
        _log.info("probing", what=summary(config), url=f"http://{address}")
        try:
            yield address
        finally:
            _log.info("stopping")


async def serve(config: Config, *, records: Path | None = None, log_lines_lost: Callable[[], int] = lambda: 0) -> None:
    """Run the exporter until SIGTERM or SIGINT, then stop it gracefully; a second signal cuts that short. Raises `ServeError`."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with exporting(config, records=records, log_lines_lost=log_lines_lost):
            await asyncio.Event().wait()


def run(main: Coroutine[object, object, None]) -> None:
    """Run on uvloop where it is installed."""
    factory = None
    if find_spec("uvloop") is not None:
        from uvloop import new_event_loop

        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


@contextmanager
def _as_serve_error() -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        raise ServeError(f"a secret cannot be read: {error}") from error
    except ListenError as error:
        raise ServeError(str(error)) from error
    except OSError as error:
        raise ServeError(f"{error.filename}: {error.strerror}; name a file that can be appended to with --records") from error


@contextmanager
def _optional(records: Path | None) -> Iterator[RecordFile | None]:
    if records is None:
        yield None
    else:
        with record_file(records) as file:
            yield file


@contextmanager
def _running(work: Coroutine[object, object, None]) -> Iterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
