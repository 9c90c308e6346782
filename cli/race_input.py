"""What somebody types, line by line, without a thread that waits for it: Ctrl-C ends it at once."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncGenerator

_PIECE = 65_536


async def lines(stop: asyncio.Event) -> AsyncGenerator[str]:
    """Lines of standard input, until it ends or `stop` is set. A last line without its end is one too."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    while (piece := await _piece(sys.stdin.fileno(), stop)) is not None:
        held += decoder.decode(piece, final=not piece)
        *whole, held = held.split("\n")
        for line in whole:
            yield line
        if not piece:
            break
    if held and not stop.is_set():
        yield held


async def _piece(descriptor: int, stop: asyncio.Event) -> bytes | None:
    """What can be read now; empty at the end of the input, None where `stop` was set meanwhile."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except OSError:  # a plain file, which cannot be watched and never has anybody wait
        return os.read(descriptor, _PIECE)
    waiting = [asyncio.create_task(event.wait()) for event in (readable, stop)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(descriptor)
        for task in waiting:
            task.cancel()
    return None if stop.is_set() else os.read(descriptor, _PIECE)
