"""The history of a running exporter: in memory, and in its database where the configuration names one."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

from config.model import Config
from exporter.history.database import Bounds, Database
from exporter.history.kept import Kept, Wanted
from exporter.history.persisting import Persisting
from exporter.history.ring import Room
from exporter.history.store import History, Past, retention
from traffic.schedule import Clock


class Keeping:
    """Opens the database, changes it when the configuration does, and closes it.

    `heirs` are told too of what was known before, once the history has it.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        self._clock = clock
        self._room = Room()
        self._persisting: Persisting | None = None
        self._lost = 0
        self.history = History(config, clock, self._room)
        self.heirs: list[Callable[[Past], None]] = []

    @property
    def lost(self) -> int:
        """Chats and summaries that could not be written so far."""
        return self._lost + (0 if self._persisting is None else self._persisting.lost)

    async def configure(self, config: Config) -> None:
        """Work by this configuration from now on."""
        settings = config.history
        self.history.configure(config)
        kept = retention(settings, config.slos.values())
        bounds = Bounds(kept.keep_seconds, kept.count_seconds, settings.size_bytes)
        path = None if settings.path is None else Path(settings.path)
        if self._persisting is not None and self._persisting.path == path:
            self._persisting.bounds = bounds
            return
        await self.close()
        if path is not None:
            loop = asyncio.get_running_loop()

            def restored(past: Past) -> None:
                with contextlib.suppress(RuntimeError):  # it has ended: nobody looks at the history any more
                    loop.call_soon_threadsafe(self._restore, past)

            self.history.journal = self._persisting = Persisting(path, bounds, self._room, self._clock, restored)

    def _restore(self, past: Past) -> None:
        for heir in (self.history.restore, *self.heirs):
            heir(past)

    async def close(self) -> None:
        """Write what is not written yet, and let go of the database. The history in memory goes on."""
        if self._persisting is None:
            return
        self.history.flush()
        closing, self._persisting, self.history.journal = self._persisting, None, None
        await asyncio.to_thread(closing.close)
        self._lost += closing.lost

    async def search(self, wanted: Wanted) -> list[Kept]:
        """The chats that are asked for, newest first: those in memory, and those in the database."""
        held = self.history.find(wanted)
        if self._persisting is None:
            return held
        on_disk = await asyncio.to_thread(_searched, self._persisting.path, wanted)
        both = {kept.number: kept for kept in (*on_disk, *held)}
        return sorted(both.values(), key=attrgetter("number"), reverse=True)[: wanted.limit]

    async def chat(self, number: int) -> Kept | None:
        """One chat, from memory or from the database; None where it is in neither."""
        held = self.history.get(number)
        if held is not None or self._persisting is None:
            return held
        return await asyncio.to_thread(_looked_up, self._persisting.path, number)


def _searched(path: Path, wanted: Wanted) -> list[Kept]:
    """What is on disk; nothing where that cannot be read, which the writer logs."""
    try:
        with contextlib.closing(Database.open_to_read(path)) as database:
            return database.chats(wanted)
    except sqlite3.Error:
        return []


def _looked_up(path: Path, number: int) -> Kept | None:
    try:
        with contextlib.closing(Database.open_to_read(path)) as database:
            return database.chat(number)
    except sqlite3.Error:
        return None
