"""The objective of goodput that runs share."""

from __future__ import annotations

from collections.abc import Sequence

from bench.comparing.run import Run
from config.bench_slos import ChatSlo


def shared(runs: Sequence[Run]) -> ChatSlo | None:
    """The one objective that all these runs had; None where they had none, several or unlike ones."""
    found = {(name, tuple(sorted(thresholds.items()))) for run in runs for name, thresholds in run.slos.items()}
    if len(found) != 1 or not all(run.slos for run in runs):
        return None
    ((name, thresholds),) = found
    limits = dict(thresholds)
    return ChatSlo(name, limits.get("ttft"), limits.get("tpot"), limits.get("e2e"), source="the runs")
