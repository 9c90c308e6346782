"""Real HAProxy and nginx, each run with a configuration of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.processes import process
from tests.routers.configurations import Program
from tests.waiting import PATIENCE_SECONDS


def installed(program: Program) -> str:
    """Where the program is; its absence fails in CI, and skips elsewhere."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        assert not os.environ.get("CI"), f"{program} is not installed"
        pytest.skip(f"{program} is not installed; it is Debian's package of this name")
    return found


@asynccontextmanager
async def routing(program: Program, configuration: str, port: int, folder: Path) -> AsyncIterator[None]:
    """Run the program in the foreground while the context lasts, from when it listens on this port of 127.0.0.1."""
    binary = installed(program)
    file = folder / f"{program}-{port}.conf"
    file.write_text(configuration, encoding="utf-8")
    options = {"haproxy": ("-db", "-f", str(file)), "nginx": ("-p", str(folder), "-c", str(file), "-e", "stderr")}[program]
    async with process(binary, *options, cwd=folder) as running:
        await _listening(running, port)
        yield


async def _listening(running: asyncio.subprocess.Process, port: int) -> None:
    """Until it listens, or has given up: then the context of the process says why."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while running.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
