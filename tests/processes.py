"""Programs that tests start, and the ports that they listen on."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


@asynccontextmanager
async def process(*command: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command while the context lasts; its output goes to `<command>.log`."""
    log = cwd / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        running = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=output, stderr=output)
    try:
        yield running
        assert running.returncode is None, log.read_text()
    finally:
        if running.returncode is None:
            running.terminate()
        await asyncio.wait_for(running.wait(), 30)


def prometheus_binary() -> str:
    """Where it is; its absence fails in CI, and skips elsewhere."""
    binary = shutil.which("prometheus")
    if binary is None:
        assert not os.environ.get("CI"), "prometheus is not installed"
        pytest.skip("prometheus is not installed; it is Debian's package of this name")
    return binary
