"""The gap between the time to first token that the client saw and the one that the engine says it took, where both are of the same chats."""

from __future__ import annotations

from functools import partial
from typing import Literal

from catalogue import own
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from exporter.native.scrape import Scraped
from exporter.native.windows import Look, Window, Windows, look
from probes.record import ChatRecord
from traffic.roster import Roster

Basis = Literal["request", "window"]
"""How the engine's time is known: it told it with the chat, or it is the growth of its sums while it had no requests but ours."""


class Gap:
    """Counters of chats, and of both sides' seconds for them. A series is there once there is something to tell, and never counts a guess.

    A chat that the client had sooner than the engine says counts as it is: sums are right where clocks are off. Where a target's model changes, its
    series end and new ones begin at 0; what comes late of a chat with the model of before counts nowhere. Until `follow` is called, nobody is
    known. Everything may be called from any thread.
    """

    def __init__(self, families: Families, ledger: Ledger) -> None:
        self._families = families
        self._ledger = ledger
        self._backends: dict[str, str] = {}
        self._windows: dict[str, Windows] = {}
        self._models: dict[str, tuple[str, int]] = {}
        self._series: dict[str, Series] = {}

    def follow(self, roster: Roster) -> None:
        """The targets from now on. Those that are gone, or are of another backend, take their series along; chats with them count no more."""
        self._ledger.write(partial(self._follow, {name: member.target.backend for name, member in roster.members.items()}))

    def chat(self, record: ChatRecord) -> None:
        """A chat has ended, however."""
        self._ledger.write(partial(self._chat, record))

    def put(self, target: str, replica: str | None, scraped: Scraped) -> None:
        """What one process told of itself. It says something where there are no replicas: of several, nobody knows which one had a chat."""
        if replica is None:
            self._ledger.write(partial(self._look, target, look(scraped)))

    def drop(self, target: str, replica: str | None) -> None:
        """What was scraped last is not what the next scrape follows on. What was counted stays."""
        if replica is None:
            self._ledger.write(partial(self._look, target, None))

    def _follow(self, backends: dict[str, str]) -> None:
        before, self._backends = self._backends, backends
        for target in before:
            if backends.get(target) != before[target]:
                self._windows.pop(target, None)
                self._models.pop(target, None)
                self._end(target)

    def _chat(self, record: ChatRecord) -> None:
        if self._backends.get(record.target) != record.backend or not self._is_with_its_model(record):
            return
        engine_seconds = record.native.first_token_seconds
        if engine_seconds is not None and record.ttft_seconds is not None:
            self._count(record.target, "request", Window(record.model, 1, record.ttft_seconds, engine_seconds))
        if record.target in self._windows:
            self._windows[record.target].chat(record)

    def _is_with_its_model(self, record: ChatRecord) -> bool:
        model, since_ns = self._models.get(record.target, (None, 0))
        if record.model == model:
            return True
        if model is not None and record.started_ns < since_ns:
            return False
        self._models[record.target] = (record.model, record.started_ns)
        self._end(record.target)
        return True

    def _look(self, target: str, found: Look | None) -> None:
        if found is None or target not in self._backends:
            self._windows.pop(target, None)
            return
        window = self._windows.setdefault(target, Windows()).take(found)
        if window is not None and window.model == self._models[target][0]:
            self._count(target, "window", window)

    def _count(self, target: str, basis: Basis, window: Window) -> None:
        series = self._series.setdefault(target, Series(self._families, (target, self._backends[target], window.model)))
        series.put(own.GAP_CHATS, window.chats, basis)
        series.put(own.GAP_CLIENT_TTFT, window.client_seconds, basis)
        series.put(own.GAP_ENGINE_TTFT, window.engine_seconds, basis)

    def _end(self, target: str) -> None:
        if target in self._series:
            self._series.pop(target).end()
