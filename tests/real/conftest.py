from __future__ import annotations

import os

import pytest

from tests.real.engines import ENGINES, Running, running


@pytest.fixture(scope="session", autouse=True)
def _alone() -> None:
    """Neither the engines nor the machine are to do anything else: what they do is counted, and times are compared."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("real engines are tested alone: make test TESTS=tests/real WORKERS=0")


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.backend)
def engine(request: pytest.FixtureRequest) -> Running:
    """Each real engine at hand; it is to be idle otherwise."""
    return running(request.param)
