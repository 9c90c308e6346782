"""One measuring worker as the main process sees it: orders in, reads and an ending out; started again when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from probes.failure import Failure, Reason
from probes.wire.channel import Beat, Cancel, Incoming, Reads, Sent, encode
from probes.wire.delays import Lateness
from probes.wire.order import Ending, Order, Read
from probes.wire.priority import yield_to_worker

_log = logging.getLogger(__name__)

RESTART_SECONDS = 0.1, 5.0
"""The shortest and the longest pause before a dead worker is started again."""
HEALTHY_SECONDS = 10.0
"""A worker that lived this long has earned the shortest pause again."""

WAIT_FOR_WORKER_SECONDS = 10.0
"""How long a chat waits for a worker that is being started."""
OVERDUE_SECONDS = 5.0
"""How much later than its timeouts a chat may end before it is given up."""
EXIT_SECONDS = 5.0
"""How long a worker has for its end once its channel is closed."""

BEAT_SECONDS = 1.0
"""How often a worker tells that it goes on, and is listened for."""
SILENT_BEATS, DEAD_BEATS, START_BEATS = 2, 10, 60
"""After so many times that nothing was heard of it, a worker gets no chats that another can have; after so many it hangs, and is killed; and after
so many if it was never heard of since its start.

A time in which this process itself had no processor, as where the whole machine stood still, counts as one.
"""

OnReads = Callable[[list[Read]], bool]
"""Takes a chat's next reads; False ends the chat, since its answer is beyond use."""

OnSent = Callable[[int], None]
"""Takes the instant at which the request of a watched chat went out."""

OnLate = Callable[[int, float], None]
"""Takes a worker's number, and how many seconds late its loop got round to something."""


def unheard(_: int) -> None:
    """Of a chat that nobody watches."""


@dataclass(slots=True)
class _Chat:
    number: int
    began_ns: int
    on_reads: OnReads
    on_sent: OnSent
    ending: asyncio.Future[Ending]


class WorkerClient:
    """Starts one worker process and keeps it running, between `start` and `stop`. `number` tells it from others."""

    def __init__(self, number: int, on_late: OnLate) -> None:
        self.number = number
        self._on_late = on_late
        self._chats: dict[int, _Chat] = {}
        self._numbers = 0
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._beating = False
        self._silent_beats = 0
        self._steps_before = 0
        self._steps_now = 0
        self._lateness_before = Lateness()
        self._lateness_now = Lateness()
        self.streams = 0
        self.restarts = 0

    @property
    def running(self) -> bool:
        return self._ready.is_set()

    @property
    def answers(self) -> bool:
        """Whether it takes up a chat at once: it has started, and does not hang."""
        return self.running and self._beating and self._silent_beats < SILENT_BEATS

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def clock_steps(self) -> int:
        """How often the system's clock was stepped since the start."""
        return self._steps_before + self._steps_now

    @property
    def lateness(self) -> Lateness:
        """How late the worker's reads were since the start, as of the last second."""
        return self._lateness_before.plus(self._lateness_now)

    def start(self) -> None:
        self._supervisor = asyncio.create_task(self._supervise(), name=f"measuring worker {self.number}")

    async def started(self) -> None:
        """Wait until the process is there; it takes up its first chats a little later."""
        await self._ready.wait()

    async def left(self) -> None:
        """Wait until none of its chats is under way."""
        await self._idle.wait()

    async def stop(self) -> None:
        """End the worker; chats still running end as `cancelled`."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None

    async def exchange(self, order: Order, on_reads: OnReads, on_sent: OnSent = unheard, *, in_step: bool = False) -> Ending:
        """Run one order; its number is given here. A worker that dies meanwhile, or does not come back, ends it with an `internal` failure.

        `in_step` has it sent once all that was to be sent at this instant, by whichever worker, is ready to be sent.
        """
        self.streams += 1
        self._idle.clear()
        try:
            return await self._exchange(order, on_reads, on_sent, in_step)
        finally:
            self.streams -= 1
            if not self.streams:
                self._idle.set()

    async def _exchange(self, order: Order, on_reads: OnReads, on_sent: OnSent, in_step: bool) -> Ending:
        began_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(WAIT_FOR_WORKER_SECONDS):
                while not self.running:
                    await self._ready.wait()
        except TimeoutError:
            return _internal(order.number, began_ns, "the measuring worker does not start")
        self._numbers += 1
        order = replace(order, number=self._numbers)
        yield_to_worker()
        chat = _Chat(order.number, began_ns, on_reads, on_sent, asyncio.get_running_loop().create_future())
        self._chats[order.number] = chat
        try:
            data = encode(order)
            if in_step:
                await asyncio.sleep(0)
            if not chat.ending.done():
                self._send(data)
            return await self._ending(chat, order)
        except asyncio.CancelledError:
            self._send(encode(Cancel(order.number)))
            raise
        finally:
            self._chats.pop(order.number, None)

    async def _ending(self, chat: _Chat, order: Order) -> Ending:
        """A chat that has not ended by its timeouts is cancelled, and so has an end: the worker answers a `Cancel` in any case, unless it hangs.

        It may have told the end long since: where this process does not get to reading, that lies behind what was not read yet. If it had not,
        the worker did not keep the timeouts.
        """
        limits = order.timeouts
        done, _ = await asyncio.wait([chat.ending], timeout=limits.connect_seconds + limits.total_seconds + OVERDUE_SECONDS)
        if done:
            return chat.ending.result()
        self._send(encode(Cancel(order.number)))
        ending = await asyncio.shield(chat.ending)
        return _internal(order.number, chat.began_ns, "the measuring worker did not keep the timeouts") if ending.cancelled else ending

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            _log.error("the measuring worker hangs, and is killed")
            self._process.kill()

    def cancel_all(self) -> None:
        """Ask for every running chat to end now, as `cancelled`."""
        for number in self._chats:
            self._send(encode(Cancel(number)))

    def _send(self, data: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)

    async def _supervise(self) -> None:
        pause = RESTART_SECONDS[0]
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._run_once()
                    _log.error("the measuring worker died; it is started again")
                except OSError as error:
                    _log.error("the measuring worker cannot be started, and is tried again: %s", error)
                except Exception:  # noqa: BLE001 - a listener that breaks must not end all measuring without a word
                    _log.exception("what the measuring worker told could not be taken in; it is started again")
                self._end_all("the measuring worker died; it is started again")
                self.restarts += 1
                pause = RESTART_SECONDS[0] if time.monotonic() - began > HEALTHY_SECONDS else min(pause * 2, RESTART_SECONDS[1])
                await asyncio.sleep(pause)
        finally:
            self._end_all(None)

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "probes.wire.worker", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._steps_before, self._steps_now = self.clock_steps, 0
        self._lateness_before, self._lateness_now = self.lateness, Lateness()
        self._beating, self._silent_beats = False, 0
        self._ready.set()
        watching = asyncio.create_task(self._kill_when_silent())
        try:
            incoming = Incoming()
            while data := await reader.read(262_144):
                self._silent_beats = 0
                for message in incoming.feed(data):
                    self._on_message(message)
        except OSError:
            pass
        finally:
            watching.cancel()
            self._ready.clear()
            self._writer.close()
            self._writer = None
            await asyncio.shield(self._gone(self._process))

    async def _kill_when_silent(self) -> None:
        while self._silent_beats < (DEAD_BEATS if self._beating else START_BEATS):
            await asyncio.sleep(BEAT_SECONDS)
            self._silent_beats += 1
        self._kill()

    async def _gone(self, process: asyncio.subprocess.Process) -> None:
        """The worker ends by itself once the channel is closed."""
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                await process.wait()
        except TimeoutError:
            self._kill()
            await process.wait()

    def _on_message(self, message: object) -> None:
        match message:
            case Reads():
                self._on_reads(message.number, message.unpack())
            case Sent(number, sent_ns):
                if (sent := self._chats.get(number)) is not None:
                    sent.on_sent(sent_ns)
            case Ending(number=number):
                chat = self._chats.get(number)
                if chat is not None and not chat.ending.done():
                    chat.ending.set_result(message)
            case Beat(late_ns, steps, lateness):
                self._beating = True
                self._steps_now = steps
                self._lateness_now = lateness
                self._on_late(self.number, late_ns / 1e9)

    def _on_reads(self, number: int, reads: list[Read]) -> None:
        chat = self._chats.get(number)
        if chat is not None and not chat.on_reads(reads):
            self._send(encode(Cancel(number)))

    def _end_all(self, detail: str | None) -> None:
        """End all chats at once: as `internal` failures, or cancelled where there is nothing to say."""
        for chat in self._chats.values():
            if not chat.ending.done():
                chat.ending.set_result(_internal(chat.number, chat.began_ns, detail))


def _internal(number: int, began_ns: int, detail: str | None) -> Ending:
    """The ending of a chat that the worker could not end itself; `cancelled` without a detail."""
    now_ns = time.monotonic_ns()
    failure = None if detail is None else Failure(Reason.INTERNAL, detail, now_ns)
    return Ending(number, started_ns=began_ns, ended_ns=now_ns, failure=failure, cancelled=failure is None)
