from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

SPINNING = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile os.getppid() != 1: pass"


@pytest.fixture(scope="session", autouse=True)
def _alone() -> None:
    """Whether tokens came one by one is told from times that other tests beside these would make doubtful."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("routers are tested alone: make test TESTS=tests/routers WORKERS=0")


@pytest.fixture(scope="module", autouse=True)
def _awake(_alone: None) -> Iterator[None]:
    """Keeps the processors from sleeping, by work that gives way to any other.

    A sleeping one takes longer to wake than the two segments lie apart in which a router sends what it gathered. Then both
    are read at once, and it is not known when the first came.
    """
    spinning = [subprocess.Popen([sys.executable, "-c", SPINNING]) for _ in range(os.cpu_count() or 1)]
    yield
    for one in spinning:
        one.kill()
        one.wait()
