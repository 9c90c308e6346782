from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _alone() -> None:
    """Whether tokens came one by one is told from times that other tests beside these would make doubtful."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("routers are tested alone: make test TESTS=tests/routers WORKERS=0")
