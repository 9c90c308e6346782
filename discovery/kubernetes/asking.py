"""Keeps what is known of each candidate: which credentials are for it, and which engine it has answered to be.

Candidates are asked some at a time, each once in a while. A candidate that does not answer holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from config.credentials import Credential
from config.model import Config
from config.secrets import Secrets
from discovery.kubernetes.candidates import Candidate, PassedOver
from discovery.kubernetes.engine import Found, Matched, NoEngine, ask, matched, needs_asking, told
from discovery.kubernetes.ways import Way
from probes.control import Control
from probes.guard import Guard
from traffic.schedule import Clock, nanoseconds

AT_ONCE = 10
ASK_AGAIN_SECONDS = 600.0
"""An engine that was recognised is asked again after so long: its Service may have got another one behind it."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 15.0, 600.0

_Key = tuple[str, Way, str | None, Guard]


@dataclass(slots=True)
class _Known:
    """What is known of one candidate."""

    matched: Matched
    found: Found | None = None
    why_not: str = "is being asked which engine it is"
    again_ns: int = 0
    retry_seconds: float = FIRST_RETRY_SECONDS
    task: asyncio.Task[None] | None = None


class Asking:
    """Keeps what is known of a candidate as long as its name, way, backend and guard stay the same.

    The credentials of a candidate are matched when it comes, and not again. Where the configuration has other
    credentials, nothing is known of any candidate any more.
    """

    def __init__(self, control: Control, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called when an answer has come that says something new."""
        self._control = control
        self._clock = clock
        self._changed = changed
        self._known: dict[_Key, _Known] = {}
        self._credentials: tuple[Credential, ...] = ()
        self._room = asyncio.Semaphore(AT_ONCE)

    def answers(self, candidates: Sequence[Candidate], config: Config, secrets: Secrets, guard: Guard) -> list[Found | PassedOver]:
        """What is known of each candidate now.

        Candidates of which nothing is known, or nothing new for a while, are asked. What was known stays until they
        have answered.
        """
        if config.credentials != self._credentials:
            self._credentials = config.credentials
            self._forget(self._known.keys())
        kept: dict[_Key, _Known] = {}
        answers: list[Found | PassedOver] = []
        for candidate in candidates:
            key = (candidate.name, candidate.way, candidate.backend, guard)
            known = kept[key] = self._known.get(key) or _newly_known(candidate, config)
            if needs_asking(candidate) and known.task is None and self._clock.monotonic_ns() >= known.again_ns:
                known.task = asyncio.create_task(self._ask(known, candidate, secrets, guard))
            if known.found is not None and known.found.candidate != candidate:
                known.found = replace(known.found, candidate=candidate)
            answers.append(known.found or PassedOver(candidate.name, known.why_not))
        self._forget(self._known.keys() - kept.keys())
        self._known = kept
        return answers

    def _forget(self, keys: Iterable[_Key]) -> None:
        for key in list(keys):
            if (task := self._known.pop(key).task) is not None:
                task.cancel()

    @property
    def busy(self) -> bool:
        """Whether a candidate has not given its first answer yet."""
        return any(known.task is not None and known.found is None for known in self._known.values())

    async def close(self) -> None:
        """Ask no more."""
        tasks = [known.task for known in self._known.values() if known.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, known: _Known, candidate: Candidate, secrets: Secrets, guard: Guard) -> None:
        before = known.found, known.why_not
        async with self._room:
            outcome = await ask(candidate, known.matched, secrets, self._control, guard)
        match outcome:
            case Found():
                known.found = outcome if known.found is None else replace(outcome, candidate=known.found.candidate)
                known.retry_seconds = FIRST_RETRY_SECONDS
                pause_seconds = ASK_AGAIN_SECONDS
            case NoEngine(why):
                known.why_not = why
                pause_seconds = known.retry_seconds
                known.retry_seconds = min(known.retry_seconds * 2, LONGEST_RETRY_SECONDS)
        known.again_ns = self._clock.monotonic_ns() + nanoseconds(pause_seconds)
        known.task = None
        if (known.found, known.why_not) != before:
            self._changed()


def _newly_known(candidate: Candidate, config: Config) -> _Known:
    shown = matched(candidate, config)
    return _Known(shown, told(candidate, shown))
