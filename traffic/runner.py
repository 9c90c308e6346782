"""Has all chats held that are due, around the clock, as far as they are admitted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from traffic.admission import Admission
from traffic.attempts import Attempts, Prober
from traffic.driver import Driver
from traffic.events import Sink
from traffic.schedule import Clock
from traffic.watch import Watch

GRACE_SECONDS = 15.0
"""How long chats that are under way may take to end when the runner stops."""
CANCEL_SECONDS = 5.0
"""How long chats that are cancelled may take to end."""

_log = structlog.get_logger()


class Runner:
    """Starts each watch's chats when they are due. Every chat that was due becomes one record or one skip.

    Lateness is never hidden: a chat that starts late carries its due time, and chats that could not even start late are
    skipped as `missed`. `leads` says whether this replica may chat. It is asked before each chat is admitted, and again
    before it is sent.
    """

    def __init__(self, prober: Prober, admission: Admission, clock: Clock, tell: Sink, leads: Callable[[], bool] = lambda: True) -> None:
        self._prober = prober
        self._clock = clock
        self._attempts = Attempts(prober, admission, clock, tell, leads)
        self._drivers: dict[tuple[str, ...], Driver] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether all chats that are due are being started."""
        return not self._stopping and not any(driver.broken for driver in self._drivers.values())

    def next_due(self, target: str) -> dict[str, int]:
        """When the next chat of each scenario with the target is due, on the monotonic clock, as far as that is known."""
        ours = (driver for driver in self._drivers.values() if target in driver.watch.targets)
        return {driver.watch.name: driver.due_ns for driver in ours if driver.due_ns is not None}

    def schedule(self, watches: Iterable[Watch]) -> None:
        """Hold the chats of these watches from now on, and of no others.

        The schedule of a watch that was there before goes on as it was. Chats that are under way end by themselves,
        even where their watch is gone.
        """
        if self._stopping:
            return
        before, self._drivers = self._drivers, {}
        for watch in watches:
            key = watch.key
            driver = before.get(key)
            if driver is not None and not driver.broken and driver.watch.is_like(watch):
                driver.watch = watch
                del before[key]
            else:
                driver = Driver(watch, self._attempts, self._clock)
                driver.start()
            self._drivers[key] = driver
        for driver in before.values():
            driver.stop()
            leaving = asyncio.create_task(driver.stopped())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Start no more chats.

        Those under way may end within the grace time; what is left of them then is cancelled.
        """
        self._stopping = True
        self._attempts.close()
        for driver in self._drivers.values():
            driver.stop()
        await asyncio.gather(*(driver.stopped() for driver in self._drivers.values()), *self._leaving)
        chats = self._attempts.running
        if chats:
            _log.info("waiting for chats to end", chats=len(chats), at_most_seconds=grace_seconds)
            await asyncio.wait(set(chats), timeout=grace_seconds)
        if chats:
            self._prober.cancel_all()
            await asyncio.wait(set(chats), timeout=CANCEL_SECONDS)
        for chat in set(chats):
            chat.cancel()
        await asyncio.gather(*set(chats), return_exceptions=True)
