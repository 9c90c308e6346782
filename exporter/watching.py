"""Notices that files have changed, by looking at them now and then. This works through every kind of link and mount.

Kubernetes changes a ConfigMap's or a Secret's files by pointing a link at another folder. Then the files' real paths
and inodes differ.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

LOOK_SECONDS = 5.0
LOOKS_FOR_REST = 6
"""A change is acted on once it was seen twice, so that a file that is just being written is left alone. A change
that never comes to rest is acted on after so many looks."""
LOOKS_TO_TRY_AGAIN = 12
"""What could not be acted on is tried again after so many looks. A file that is named may come later than the one
that names it."""

Signature = tuple[str, int, int, int]
"""Real path, inode, time of the last change of content, owner or mode in nanoseconds, size."""
Signatures = Mapping[str, Signature | None]
"""Of files, by path; None for one that cannot be looked at."""

_log = structlog.get_logger()


def signatures(paths: Iterable[str]) -> dict[str, Signature | None]:
    """What tells one state of each file from another; None for one that cannot be looked at."""
    return {path: _signature(path) for path in paths}


def _signature(path: str) -> Signature | None:
    try:
        real = os.path.realpath(path)
        found = os.stat(real)  # noqa: PTH116 - beside realpath, which pathlib lacks in a form that does not raise
    except (OSError, ValueError):
        return None
    return real, found.st_ino, found.st_ctime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Reading:
    """When files were last read. `files` is how they were just before, so that no change is missed in between.

    `well` is whether it went well.
    """

    files: Signatures = field(default_factory=dict)
    well: bool = True


async def watch_files(
    paths: Callable[[], Iterable[str]],
    last: Callable[[], Reading],
    read: Callable[[], Awaitable[object]],
    *,
    unchanged: Callable[[], None] = lambda: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Have files read when any of them has changed, appeared or gone since they were `last` read.

    They are also read after a while if that did not go well. `paths` and `last` are asked anew at each look, as others
    may have the files read too. A file that leaves the paths is no change. `unchanged` is called after each look that
    found nothing new.
    """
    before: Signatures = last().files
    unrest = waiting = 0
    while True:
        await sleep(LOOK_SECONDS)
        try:
            reading = last()
            now = await asyncio.to_thread(lambda: signatures(paths()))
            changed = any(path not in reading.files or reading.files[path] != signature for path, signature in now.items())
            unrest = unrest + 1 if changed else 0
            waiting = 0 if reading.well else waiting + 1
            if (unrest and (now == before or unrest >= LOOKS_FOR_REST)) or waiting >= LOOKS_TO_TRY_AGAIN:
                unrest = waiting = 0
                await read()
            elif not unrest:
                unchanged()
            before = now
        except Exception:  # noqa: BLE001 - whatever a look or a reading breaks on, the next look comes
            _log.exception("watching files went wrong, and goes on")
