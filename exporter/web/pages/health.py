"""`/health`: how chatprobe itself is doing."""

from __future__ import annotations

from exporter.web.pages.scene import Scene
from exporter.web.pages.templates import render


def health(scene: Scene) -> str:
    """How chatprobe itself is doing."""
    clocks = sorted({stand.clock for stand in scene.standing.stands.values() if stand.clock})
    ended = {outcome: sum(stand.ended[outcome] for stand in scene.standing.stands.values()) for outcome in ("ok", "failed")}
    config = scene.standing.roster.config
    figures = scene.own()
    return render(
        "health.html",
        own=figures,
        counted={metric.name: value for metric, value in figures.counted.items()},
        not_ready=scene.not_ready(),
        troubles=list(scene.troubles()),
        clocks=clocks,
        ended=ended,
        limits=config.limits,
        on_disk=config.history.path is not None,
        since=scene.budgets.began,
        up=scene.clock.epoch_seconds() - scene.budgets.began,
    )
