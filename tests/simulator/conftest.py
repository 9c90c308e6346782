from __future__ import annotations

import prometheus_client.metrics
import pytest

from simulator import Latency, Options


@pytest.fixture
def quick() -> Options:
    """An engine fast enough for tests, with tokens far enough apart to tell them from each other."""
    return Options(latency=Latency(decode_seconds=0.01, first_token_seconds=0.005), answer_tokens=2000)


@pytest.fixture(autouse=True)
def _created_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM serves them; the exporter, which may run in the same process of tests, turns them off for all of it."""
    monkeypatch.setattr(prometheus_client.metrics, "_use_created", True)
