"""All measuring workers: how many there are, and which of them holds a chat. A chat stays where it was begun."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from probes.processors import processors
from probes.wire.client import WAIT_FOR_WORKER_SECONDS, OnLate, OnReads, OnSent, WorkerClient, unheard
from probes.wire.delays import Lateness
from probes.wire.order import Ending, Order
from probes.wire.waiting import Waiting

STREAMS_A_WORKER = 500
"""Open streams with which a worker that has a core is exact, at 50 tokens a second each. It takes a third of the core for them."""
UNEVEN_STREAMS = 50
"""How many streams more than another a worker may have and still get a chat because it has a connection for it: a tenth of what it carries."""


def workers_for(wanted: int | Literal["auto"], streams: int) -> int:
    """How many to have on this machine where so many were asked for, and so many streams there may be at once."""
    return automatic(streams, processors()) if wanted == "auto" else wanted


def automatic(streams: int, cores: float) -> int:
    """As many workers as that many streams need, as far as there are processors beside the one that the main process takes."""
    return max(1, min(math.ceil(streams / STREAMS_A_WORKER), math.floor(cores) - 1))


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How a worker stands. `answers` is whether it takes up a chat at once, `streams` how many chats it has.

    One that is `leaving` gets no more chats, and ends with its last one.
    """

    number: int
    pid: int | None
    answers: bool
    streams: int
    restarts: int
    leaving: bool


class Workers:
    """Starts measuring workers and keeps them running, between `start` and `stop`. `on_late` hears once a second how late each one's loop was."""

    def __init__(self, count: int, on_late: OnLate) -> None:
        self._on_late = on_late
        self._clients = [WorkerClient(number, self._late) for number in range(1, count + 1)]
        self._leaving: dict[WorkerClient, asyncio.Task[None]] = {}
        self._waiting = Waiting()
        self._sides: Counter[tuple[str, WorkerClient]] = Counter()
        self._steps_of_others = 0
        self._lateness_of_others = Lateness()

    @property
    def running(self) -> bool:
        """Whether any of them is up."""
        return any(client.running for client in self._clients)

    @property
    def states(self) -> tuple[WorkerState, ...]:
        """Of all of them, those that are leaving included."""
        return tuple(
            WorkerState(each.number, each.pid, each.answers, each.streams, each.restarts, leaving=each in self._leaving)
            for each in (*self._clients, *self._leaving)
        )

    @property
    def clock_steps(self) -> int:
        """How often the system's clock was stepped since the start, as the worker saw it that saw most."""
        return max(self._steps_of_others, *(client.clock_steps for client in (*self._clients, *self._leaving)))

    @property
    def lateness(self) -> Lateness:
        """How late reads were since the start, of all of them together."""
        return reduce(Lateness.plus, (client.lateness for client in (*self._clients, *self._leaving)), self._lateness_of_others)

    async def start(self) -> None:
        """Start all of them. Returns once all are there, or at least one is and the others take long."""
        for client in self._clients:
            client.start()
        starting = [asyncio.create_task(client.started()) for client in self._clients]
        try:
            await asyncio.wait(starting, timeout=WAIT_FOR_WORKER_SECONDS)
            await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in starting:
                task.cancel()

    async def stop(self) -> None:
        """End all of them; chats still running end as `cancelled`."""
        for leaving in self._leaving.values():
            leaving.cancel()
        await asyncio.gather(*(client.stop() for client in (*self._clients, *self._leaving)))

    def resize(self, count: int) -> None:
        """Have so many from now on. One that is too many gets no more chats, and ends with its last one."""
        while len(self._clients) < count:
            taken = {client.number for client in (*self._clients, *self._leaving)}
            client = WorkerClient(next(number for number in range(1, len(taken) + 2) if number not in taken), self._late)
            client.start()
            self._clients.append(client)
        while len(self._clients) > count:
            gone = self._clients.pop()
            self._leaving[gone] = asyncio.create_task(self._let_go(gone))

    async def _let_go(self, client: WorkerClient) -> None:
        await client.left()
        await client.stop()
        self._steps_of_others = max(self._steps_of_others, client.clock_steps)
        self._lateness_of_others = self._lateness_of_others.plus(client.lateness)
        del self._leaving[client]

    def _late(self, number: int, seconds: float) -> None:
        if any(client.number == number for client in self._clients):
            self._on_late(number, seconds)

    def cancel_all(self) -> None:
        """Ask for every running chat to end now, as `cancelled`."""
        for client in (*self._clients, *self._leaving):
            client.cancel_all()

    async def exchange(self, order: Order, on_reads: OnReads, on_sent: OnSent = unheard, pair_id: str | None = None) -> Ending:
        """Run one order on one of them. If that one dies meanwhile, or hangs, it ends with an `internal` failure.

        Orders of one pair go to different workers, as far as there are so many, and go out together.
        """
        client = self._choose(order, pair_id)
        if order.connection == "reuse":
            self._waiting.take(order.address, client.pid)
        if pair_id is None:
            ending = await client.exchange(order, on_reads, on_sent)
        else:
            ending = await self._exchange_side(client, order, on_reads, on_sent, pair_id)
        if ending.kept:
            self._waiting.add(order.address, client.pid)
        return ending

    async def _exchange_side(self, client: WorkerClient, order: Order, on_reads: OnReads, on_sent: OnSent, pair_id: str) -> Ending:
        self._sides[pair_id, client] += 1
        try:
            return await client.exchange(order, on_reads, on_sent, in_step=True)
        finally:
            self._sides[pair_id, client] -= 1
            if not self._sides[pair_id, client]:
                del self._sides[pair_id, client]

    def _choose(self, order: Order, pair_id: str | None) -> WorkerClient:
        """The worker with the fewest sides of this pair; of several, one with a connection for the chat; then the one with the fewest streams."""
        able = [client for client in self._clients if client.answers] or [client for client in self._clients if client.running] or self._clients
        fewest = min(client.streams for client in able)

        def rank(client: WorkerClient) -> tuple[int, bool, int]:
            sides = 0 if pair_id is None else self._sides[pair_id, client]
            near = order.connection == "reuse" and client.streams <= fewest + UNEVEN_STREAMS and self._waiting.has(order.address, client.pid)
            return sides, not near, client.streams

        return min(able, key=rank)
