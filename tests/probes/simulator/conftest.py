from __future__ import annotations

import pytest

from probes.simulator import Latency, Options


@pytest.fixture
def quick() -> Options:
    """An engine fast enough for tests, with tokens far enough apart to tell them from each other."""
    return Options(latency=Latency(decode_seconds=0.01, first_token_seconds=0.005), answer_tokens=2000)
