"""Has the C library give memory back to the system."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Names of glibc's settings. Source: malloc.h, mallopt(3)."""
_ARENAS = 2
_BYTES = 128 * 1024


def give_back_freed_memory() -> None:
    """Keep no more than a little of what was freed. Call it before any thread is started. Does nothing where the C library is not glibc.

    By itself glibc keeps what a scrape of many megabytes took, in an arena of each thread that rendered one, because it
    learns from the first such block that large blocks are usual. Setting any threshold ends this learning.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for name, value in ((_ARENA_MAX, _ARENAS), (_TRIM_THRESHOLD, _BYTES), (_MMAP_THRESHOLD, _BYTES)):
        mallopt(name, value)
