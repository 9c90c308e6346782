"""Asks candidates what they are, each once in a while, some at a time: one that does not answer holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from config.credentials import Credential
from config.model import Config
from discovery.kubernetes.candidates import Candidate, PassedOver
from discovery.kubernetes.engine import Engine, NoEngine, ask, needs_asking
from discovery.kubernetes.ways import Way
from probes.control import Control
from probes.guard import Guard
from traffic.schedule import Clock, nanoseconds

AT_ONCE = 10
ASK_AGAIN_SECONDS = 600.0
"""An engine that was recognised: a Service may have got another one behind it."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 15.0, 600.0

_Key = tuple[str, Way, str | None, Guard]


@dataclass(slots=True)
class _Answer:
    engine: Engine | None = None
    why_not: str = "is being asked which engine it is"
    again_ns: int = 0
    retry_seconds: float = FIRST_RETRY_SECONDS
    task: asyncio.Task[None] | None = None


class Asking:
    """Remembers what each candidate answered, for as long as it is the same candidate."""

    def __init__(self, control: Control, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called when an answer has come that says something new."""
        self._control = control
        self._clock = clock
        self._changed = changed
        self._answers: dict[_Key, _Answer] = {}
        self._credentials: tuple[Credential, ...] = ()
        self._room = asyncio.Semaphore(AT_ONCE)

    def answers(self, candidates: Sequence[Candidate], config: Config, guard: Guard) -> list[tuple[Candidate, Engine | PassedOver]]:
        """What is known of each now. Those of whom nothing is known, or not for a while, are asked; what was known stays until they have answered."""
        if config.credentials != self._credentials:
            self._credentials = config.credentials
            self._forget(self._answers.keys())
        kept: dict[_Key, _Answer] = {}
        found: list[tuple[Candidate, Engine | PassedOver]] = []
        for candidate in candidates:
            if not needs_asking(candidate):
                found.append((candidate, Engine(candidate.backend or "", candidate.way.url)))
                continue
            key = (candidate.name, candidate.way, candidate.backend, guard)
            answer = kept[key] = self._answers.get(key) or _Answer()
            if answer.task is None and self._clock.monotonic_ns() >= answer.again_ns:
                answer.task = asyncio.create_task(self._ask(answer, candidate, config, guard))
            found.append((candidate, answer.engine or PassedOver(candidate.name, answer.why_not)))
        self._forget(self._answers.keys() - kept.keys())
        self._answers = kept
        return found

    def _forget(self, keys: Iterable[_Key]) -> None:
        for key in list(keys):
            if (task := self._answers.pop(key).task) is not None:
                task.cancel()

    @property
    def busy(self) -> bool:
        """Whether an answer is still awaited that would be the first."""
        return any(answer.task is not None and answer.engine is None for answer in self._answers.values())

    async def close(self) -> None:
        tasks = [answer.task for answer in self._answers.values() if answer.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, answer: _Answer, candidate: Candidate, config: Config, guard: Guard) -> None:
        before = answer.engine, answer.why_not
        async with self._room:
            outcome = await ask(candidate, config, self._control, guard)
        match outcome:
            case Engine():
                answer.engine = outcome
                answer.retry_seconds = FIRST_RETRY_SECONDS
                pause_seconds = ASK_AGAIN_SECONDS
            case NoEngine(why):
                answer.why_not = why
                pause_seconds = answer.retry_seconds
                answer.retry_seconds = min(answer.retry_seconds * 2, LONGEST_RETRY_SECONDS)
        answer.again_ns = self._clock.monotonic_ns() + nanoseconds(pause_seconds)
        answer.task = None
        if (answer.engine, answer.why_not) != before:
            self._changed()
