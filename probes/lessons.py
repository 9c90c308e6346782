"""Which fields each target's requests go without, since the target refused them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from probes.ask import Endpoint
from probes.spare import REFUSALS, named

MOST_TARGETS = 1000
"""Targets that were learnt of; discovered ones come and go, and the earliest is forgotten."""

_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Lesson:
    """`taken` fields were refused, and without them a chat was answered; `tried` ones were named, and no answer has shown yet that it was they."""

    taken: Set[str] = _NOTHING
    tried: Set[str] = _NOTHING


class Lessons:
    """Kept for as long as the process runs: a server that takes a field after all is sent it again by the next one."""

    def __init__(self) -> None:
        self._lessons: dict[tuple[object, ...], _Lesson] = {}

    def left_out(self, endpoint: Endpoint) -> Set[str]:
        """What to leave out of the next request."""
        lesson = self._lessons.get(_key(endpoint))
        return _NOTHING if lesson is None else lesson.taken | lesson.tried

    def learn(self, endpoint: Endpoint, sent: Set[str], status: int | None, body: bytes) -> bool:
        """What an answer teaches of the fields that were sent. True: it names some, and the same chat without them may be answered.

        Where fields were left out for being named, and the chat is refused all the same, it was not they: they are sent again.
        """
        more = named(status, body, sent)
        known = self._lessons.get(_key(endpoint))
        if more:
            lesson = known or self._begun(endpoint)
            lesson.tried |= more
        elif known is not None and status == 200:
            known.taken, known.tried = known.taken | (known.tried - sent), known.tried & sent
        elif known is not None and status in REFUSALS:
            known.tried &= sent
        return bool(more)

    def _begun(self, endpoint: Endpoint) -> _Lesson:
        if len(self._lessons) >= MOST_TARGETS:
            del self._lessons[next(iter(self._lessons))]
        return self._lessons.setdefault(_key(endpoint), _Lesson())


def _key(endpoint: Endpoint) -> tuple[object, ...]:
    return endpoint.name, endpoint.backend, endpoint.api, endpoint.url, endpoint.model
