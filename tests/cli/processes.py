"""The command line as a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.waiting import PATIENCE_SECONDS

COMMAND = (sys.executable, "-m", "cli")


def ended(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run it to its end, without a terminal."""
    return subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True, input=stdin, timeout=PATIENCE_SECONDS)


async def started(*arguments: str) -> asyncio.subprocess.Process:
    """Start it without a terminal, its input and outputs being pipes."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
