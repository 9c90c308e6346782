"""Programs that tests start, and the ports that they listen on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest

from tests.waiting import PATIENCE_SECONDS

ASKED_FOR_ONLY = range(10_000, 32_768)
"""Ports that Linux gives to nobody who does not ask for them, be it to listen or to connect (ip_local_port_range in ip(7) begins above)."""


def free_port() -> int:
    """One that nobody else is given between now and its use: other tests run at the same time."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(ASKED_FOR_ONLY)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def process(*command: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command while the context lasts; its output goes to `<command>.log`. In a session of its own, Linux gives it a share of the processors
    of its own, however many others work (sched(7), autogroup)."""
    log = cwd / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        running = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=output, stderr=output, start_new_session=True)
    try:
        yield running
        assert running.returncode is None, log.read_text()
    finally:
        if running.returncode is None:
            running.terminate()
        await asyncio.wait_for(running.wait(), PATIENCE_SECONDS)


@cache
def prometheus_version(binary: str) -> tuple[int, ...]:
    """Of `prometheus` or `promtool`, like (3, 16, 0)."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+(?:\.\d+)*)", done.stdout + done.stderr)
    assert found is not None, done.stdout + done.stderr
    return tuple(map(int, found[1].split(".")))


def prometheus_binary() -> str:
    return of_prometheus("prometheus")


class Running:
    """The test that runs, if one does: set by `tests/conftest.py`."""

    test: ClassVar[pytest.Item | None] = None


def of_prometheus(name: str, package: str = "prometheus") -> str:
    """The path of one of Prometheus's programs, like promtool or amtool, of a Debian package; its absence fails in CI, and skips elsewhere.

    Tests that ask for it are marked `prometheus`: `.ci/run` has them once more with today's programs.
    """
    assert Running.test is None or Running.test.get_closest_marker("prometheus"), "mark it with @pytest.mark.prometheus, as it starts such a program"
    binary = shutil.which(name)
    if binary is None:
        assert not os.environ.get("CI"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed; it is in Debian's package {package}")
    return binary
