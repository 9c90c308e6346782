"""`/discovery`: where targets come from."""

from __future__ import annotations

from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import Stand
from exporter.web.pages.templates import render


def discovery(scene: Scene) -> str:
    """Where targets come from, what became of them, and what is wrong with it."""
    plan = scene.plan()
    stands = scene.standing.stands
    by_source: dict[str, list[Stand]] = {}
    for stand in stands.values():
        by_source.setdefault(stand.member.source, []).append(stand)
    return render("discovery.html", plan=plan, by_source=by_source, idle=list(plan.idle.lines()), files=plan.config.discovery.files)
