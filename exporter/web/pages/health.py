"""`/health`: how chatprobe itself is doing."""

from __future__ import annotations

from exporter.web.pages.known import Known
from exporter.web.pages.templates import render


def health(known: Known) -> str:
    """How chatprobe itself is doing."""
    clocks = sorted({stand.clock for stand in known.standing.stands.values() if stand.clock})
    ended = {outcome: sum(stand.ended[outcome] for stand in known.standing.stands.values()) for outcome in ("ok", "failed")}
    config = known.standing.roster.config
    figures = known.own()
    return render(
        "health.html",
        own=figures,
        counted={metric.name: value for metric, value in figures.counted.items()},
        not_ready=known.not_ready(),
        troubles=list(known.troubles()),
        clocks=clocks,
        ended=ended,
        limits=config.limits,
        since=known.budgets.since,
        up=known.clock.epoch_seconds() - known.budgets.since,
    )
