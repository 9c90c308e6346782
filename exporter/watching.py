"""Notices that files have changed: by looking at them now and then, which works through every kind of link and mount.

Kubernetes changes a ConfigMap's or a Secret's files by pointing a link at another folder: then the files' real paths and inodes differ.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping

LOOK_SECONDS = 5.0
"""A change is acted on once it was seen twice, so that a file that is just being written is left alone: after 5 to 10 seconds."""

Signature = tuple[str, int, int, int]
"""Real path, inode, time of change in nanoseconds, size."""


def signatures(paths: Iterable[str]) -> dict[str, Signature | None]:
    """What tells one state of each file from another; None for one that cannot be looked at."""
    return {path: _signature(path) for path in paths}


def _signature(path: str) -> Signature | None:
    try:
        real = os.path.realpath(path)
        found = os.stat(real)  # noqa: PTH116 - beside realpath, which pathlib lacks in a form that does not raise
    except (OSError, ValueError):
        return None
    return real, found.st_ino, found.st_mtime_ns, found.st_size


async def watch_files(
    paths: Callable[[], Iterable[str]],
    changed: Callable[[], Awaitable[object]],
    *,
    since: Mapping[str, Signature | None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call `changed` when any of the files has changed, appeared or gone, and has come to rest. `paths` is asked anew at each look.

    `since` is how the files were before they were last read, so that no change is missed in between.
    """
    acted_on = before = since
    while True:
        await sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(lambda: signatures(paths()))
        if now == before != acted_on:
            acted_on = now
            await changed()
        before = now
