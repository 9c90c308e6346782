"""The time to first token as the client saw it, beside the engine's own figure for the same chats."""

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
"""How the engine's figure is known.

`request`: the engine told it with the chat. `window`: it is how much the engine's sums grew while all its requests were
chatprobe's.
"""


class Gap:
    """Counts chats, and the seconds to their first token on both sides. Only chats of which both sides are known count.

    - A chat whose client time is below the engine's counts as it is: over many chats the sums are right even where clocks differ.
    - When a target's model changes, its series end and new ones begin at 0. A late chat with the earlier model counts nowhere.
    - Chats with a target count from the first `set_targets` that has it.

    Everything may be called from any thread.
    """

    def __init__(self, families: Families, ledger: Ledger) -> None:
        self._families = families
        self._ledger = ledger
        self._backends: dict[str, str] = {}
        self._windows: dict[str, Windows] = {}
        self._models: dict[str, tuple[str, int]] = {}
        self._series: dict[str, Series] = {}

    def set_targets(self, roster: Roster) -> None:
        """Count chats with these targets from now on.

        The series of a target that is gone, or has another backend now, end.
        """
        self._ledger.write(partial(self._set_backends, {name: member.endpoint.backend for name, member in roster.members.items()}))

    def count_chat(self, record: ChatRecord) -> None:
        """Take a chat that has ended, whatever its outcome."""
        self._ledger.write(partial(self._count_chat, record))

    def add_scrape(self, target: str, replica: str | None, scraped: Scraped) -> None:
        """Take what one process told of itself.

        A scrape of one of several replicas is left out: which replica had which chat is not known.
        """
        if replica is None:
            self._ledger.write(partial(self._look, target, look(scraped)))

    def drop(self, target: str, replica: str | None) -> None:
        """Forget the last scrape, so that no window spans the time up to the next one. What was counted stays."""
        if replica is None:
            self._ledger.write(partial(self._look, target, None))

    def _set_backends(self, backends: dict[str, str]) -> None:
        before, self._backends = self._backends, backends
        for target in before:
            if backends.get(target) != before[target]:
                self._windows.pop(target, None)
                self._models.pop(target, None)
                self._end(target)

    def _count_chat(self, record: ChatRecord) -> None:
        if self._backends.get(record.target) != record.backend or not self._is_with_its_model(record):
            return
        engine_seconds = record.native.first_token_seconds
        if engine_seconds is not None and record.ttft_seconds is not None:
            self._count(record.target, "request", Window(record.model, 1, record.ttft_seconds, engine_seconds))
        if record.target in self._windows:
            self._windows[record.target].add_chat(record)

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
        window = self._windows.setdefault(target, Windows()).add_look(found)
        if window is not None and window.model == self._models[target][0]:
            self._count(target, "window", window)

    def _count(self, target: str, basis: Basis, window: Window) -> None:
        series = self._series.setdefault(target, Series(self._families, (target, self._backends[target], window.model)))
        series.record(own.GAP_CHATS, window.chats, basis)
        series.record(own.GAP_CLIENT_TTFT, window.client_seconds, basis)
        series.record(own.GAP_ENGINE_TTFT, window.engine_seconds, basis)

    def _end(self, target: str) -> None:
        if target in self._series:
            self._series.pop(target).end()
