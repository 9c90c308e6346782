"""What is left of memory that was freed, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRAPES = """
import sys, threading
from exporter.allocator import give_back_freed_memory

def resident_mib():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss")) / 1024

def render():
    pieces = [b"x" * (2 << 20) for _ in range(20)]
    body = b"".join(pieces)
    kept.append(b"y" * 1000)

kept = []
if sys.argv[1] == "given back":
    give_back_freed_memory()
b"".join([b"z" * (8 << 20), b"z"])  # from this glibc learns that such blocks are usual
before = resident_mib()
for _ in range(6):
    threads = [threading.Thread(target=render) for _ in range(4)]
    for one in threads: one.start()
    for one in threads: one.join()
print(resident_mib() - before)
"""


def left_mib(how: str) -> float:
    return float(subprocess.run([sys.executable, "-c", SCRAPES, how], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_scrapes_took_is_given_back() -> None:
    kept, given_back = left_mib("kept"), left_mib("given back")
    assert given_back < kept / 4, (given_back, kept)
