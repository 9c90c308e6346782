"""The event loop that a program runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import TypeVar

from exporter.allocator import give_back_freed_memory

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """Run on uvloop where it is installed, and give the result."""
    give_back_freed_memory()
    factory = None
    if find_spec("uvloop") is not None:
        from uvloop import new_event_loop

        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
