"""A page as parts that change by themselves, so that an open page is sent what has changed and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

LITTLE_OLDER = 2
"""By how many ages a part may lag behind for a reader who waits for it."""
SLICE_SECONDS = 0.005
"""After so long on a page the event loop may do something else."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a page: the element with this id. It is made anew when its `stamp` is another than before.

    `age` counts how often it has grown old since, as what is told of the last minutes does. `html` reads what there is
    to show, and gives the element, or what writes it: that is called in a thread, and shows only what does not change.
    """

    id: str
    stamp: Hashable
    html: Callable[[], str | Callable[[], str]]
    age: int = 0


class Page(Protocol):
    """What a page is made of. Both are asked for again and again while somebody looks."""

    def arrangement(self) -> str:
        """Changes when parts come, go or change places: then a page is read anew."""
        ...

    def parts(self) -> Iterable[Part]: ...

    def html(self, parts: Mapping[str, Markup], query: Mapping[str, str]) -> str:
        """The parts put together: all that stands in `<main>`. `query` is what the reader chose, if anything."""
        ...


@dataclass(frozen=True, slots=True)
class _Made:
    stamp: Hashable
    age: int
    html: str
    revision: int


class Feed:
    """The parts of one page as they are now.

    `revision` grows when any of them changes. It is about the time in milliseconds, so that one that a reader has from
    another feed of the page, before a restart perhaps, is older than all of this one.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._made: dict[str, _Made] = {}
        self._lock = asyncio.Lock()
        self.revision = 0
        self.arrangement = page.arrangement()

    async def refresh(self) -> None:
        """Make those parts anew that have changed, or have grown old; in slices, so that it holds nothing up."""
        await self._make_anew(older_by=0)

    async def catch_up(self) -> None:
        """The same for a reader who waits: what is a little old stays, and a page that is live hears of it a moment later."""
        await self._make_anew(older_by=LITTLE_OLDER)

    async def _make_anew(self, older_by: int) -> None:
        async with self._lock:
            self.arrangement = self._page.arrangement()
            parts = list(self._page.parts())
            old = [part for part in parts if self._is_old(part, older_by)]
            written = dict(zip([part.id for part in old], await _written(old), strict=True))
            self._made = {part.id: self._take(part, written[part.id]) if part.id in written else self._made[part.id] for part in parts}

    def _is_old(self, part: Part, older_by: int) -> bool:
        known = self._made.get(part.id)
        return known is None or known.stamp != part.stamp or part.age - known.age > older_by

    def main(self, query: Mapping[str, str]) -> str:
        """All that stands in `<main>`, as it was at the last refresh."""
        return self._page.html({name: Markup(made.html) for name, made in self._made.items()}, query)

    def since(self, revision: int) -> dict[str, str]:
        """The parts that changed after that revision, by id."""
        return {name: made.html for name, made in self._made.items() if made.revision > revision}

    def _take(self, part: Part, html: str) -> _Made:
        known = self._made.get(part.id)
        if known is not None and known.html == html:
            return _Made(part.stamp, part.age, html, known.revision)
        self.revision = max(self.revision + 1, time.time_ns() // 1_000_000)
        return _Made(part.stamp, part.age, html, self.revision)


async def _written(parts: Sequence[Part]) -> list[str]:
    """The elements of parts. What there is to show is read in slices, and written beside the event loop."""
    read, begun = [], time.perf_counter()
    for part in parts:
        read.append(part.html())
        if time.perf_counter() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.perf_counter()
    if all(isinstance(one, str) for one in read):
        return [str(one) for one in read]
    return await asyncio.to_thread(lambda: [one if isinstance(one, str) else one() for one in read])
