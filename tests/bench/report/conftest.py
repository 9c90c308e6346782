"""A computed run, and its report, once for each process of tests."""

from __future__ import annotations

import pytest

from bench.report.seen import Seen, see
from tests.bench.report.computed import Plan, computed_run

SMALL = Plan(users=(1, 16), rounds=5, chats=10, tokens=8)


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """vllm, tgi, which fails at times, and ollama, which has four slots: at 1 and 16 users."""
    return see(computed_run(tmp_path_factory.mktemp("results"), SMALL))
