"""The latency model brought to life: it runs on a clock and hands each token to the chat that waits for it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from simulator.batching import Batching, Sequence, Step
from simulator.clock import Clock


class Observer(Protocol):
    """Who is told what the engine does: its native metrics."""

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        """A request joined the queue."""
        ...

    def left(self, batching: Batching) -> None:
        """A request was given up before it had all its tokens."""
        ...

    def stepped(self, step: Step, batching: Batching) -> None:
        """A step has ended, and every sequence of its batch has its token."""
        ...

    def finished(self, sequence: Sequence) -> None:
        """A sequence has all its tokens."""
        ...


class Generation:
    """The tokens of one chat, as they fall due."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self._due: asyncio.Queue[int] = asyncio.Queue()

    async def next_due(self) -> int:
        """Wait for the next token; when it fell due, in nanoseconds on the clock of the engine."""
        return await self._due.get()

    def deliver(self, due_ns: int) -> None:
        self._due.put_nowait(due_ns)


class BatchLoop:
    """Runs one batch. `run` must be running for tokens to come.

    Each step ends at an absolute instant that follows from the one before it, so a late wake-up delays one token and shifts none.
    """

    def __init__(self, batching: Batching, clock: Clock, observer: Observer) -> None:
        self.batching = batching
        self._clock = clock
        self._observer = observer
        self._generations: dict[Sequence, Generation] = {}
        self._work = asyncio.Event()

    def submit(self, sequence: Sequence) -> Generation:
        generation = self._generations[sequence] = Generation(sequence)
        self.batching.submit(sequence)
        self._observer.submitted(sequence, self.batching)
        self._work.set()
        return generation

    def abort(self, generation: Generation) -> None:
        """Stop a chat that nobody listens to any more; nothing happens to one that has all its tokens."""
        if self._generations.pop(generation.sequence, None) is not None:
            self.batching.abort(generation.sequence)
            self._observer.left(self.batching)

    async def run(self) -> None:
        while True:
            step = self.batching.begin()
            if step is None:
                self._work.clear()
                await self._work.wait()
                continue
            await self._clock.sleep_until(step.end_ns)
            produced = self.batching.complete(step)
            self._observer.stepped(step, self.batching)
            for sequence in produced:
                self._generations[sequence].deliver(step.end_ns)
                if sequence.finished:
                    del self._generations[sequence]
                    self._observer.finished(sequence)
