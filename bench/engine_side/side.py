"""The engines' side of a run in one piece: watched while it goes on, and made into findings at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from bench.chat import Chat
from bench.engine_side.finding import Finding
from bench.engine_side.findings import findings
from bench.engine_side.gpus import GpuPage, GpuReading
from bench.engine_side.inside import Inside, insides
from bench.engine_side.notes import Notebook, Notes, rising, told_of_line
from bench.engine_side.reading import Reading
from bench.engine_side.watching import EVERY_SECONDS, Watching
from bench.events import Event
from bench.level import Block, Level
from exporter.native.scrape import Scraper
from traffic.roster import Member
from traffic.schedule import Clock


class EngineSide:
    """A listener of a run, and an async context manager around it. `keep` gets each look as a line of `native.ndjson`."""

    def __init__(
        self,
        members: Mapping[str, Member],
        scraper: Scraper,
        clock: Clock,
        *,
        keep: Callable[[Mapping[str, object]], None] = lambda _: None,
        gpus: tuple[GpuPage, ...] = (),
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._book = Notebook({name: member.endpoint.backend for name, member in members.items()})
        self._keep = keep
        self._watching = Watching(
            members, self._read, scraper=scraper, clock=clock, gpus=gpus, tell_gpus=self._read_gpus, every_seconds=every_seconds
        )

    async def __aenter__(self) -> Self:
        await self._watching.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._watching.__aexit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        self._watching(event)
        self._book(event)

    async def caught_up(self) -> None:
        """Wait until what the last event asked for has been read, but no longer than a look may take."""
        await self._watching.caught_up()

    def findings(self) -> tuple[Finding, ...]:
        """What was found up to now. It is whole once the context has ended."""
        return findings(self._book.notes())

    def insides(self) -> tuple[Inside, ...]:
        """What went on inside the engines up to now, likewise."""
        return insides(self._book.notes())

    def _read(self, reading: Reading) -> None:
        self._book.read(reading)
        self._keep(reading.to_json())

    def _read_gpus(self, reading: GpuReading) -> None:
        self._book.read_gpus(reading)
        self._keep(reading.to_json())


def read_back(
    engines: Mapping[str, str],
    levels: Sequence[Level],
    blocks: Iterable[Block],
    chats: Sequence[Chat],
    native: Iterable[Mapping[str, Any]],
    records: Iterable[Mapping[str, Any]],
) -> Notes:
    """What a run on the disk tells of its engines' side: `native` and `records` are the lines of its two files.

    Raises `KeyError`, `TypeError` and `ValueError` for lines that are none.
    """
    readings: list[Reading] = []
    gpus: list[GpuReading] = []
    for line in native:
        if "gpus" in line:
            gpus.append(GpuReading.from_json(line))
        else:
            readings.append(Reading.from_json(line))
    return Notes(
        engines=engines,
        levels=rising(levels),
        blocks=tuple(blocks),
        chats=chats,
        readings=readings,
        told=[told_of_line(line) for line in records],
        gpus=gpus,
    )
