from __future__ import annotations

import pytest

from tests.real.engines import ENGINES, Running, running


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.backend)
def engine(request: pytest.FixtureRequest) -> Running:
    """Each real engine at hand; it is to be idle otherwise."""
    return running(request.param)
