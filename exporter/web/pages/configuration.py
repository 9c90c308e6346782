"""`/configuration`: what is in force."""

from __future__ import annotations

from exporter.web.pages.scene import Scene
from exporter.web.pages.templates import render


def configuration(scene: Scene) -> str:
    """The configuration in force, every default filled in and every secret hidden."""
    return render("configuration.html", yaml=scene.config(), troubles=list(scene.troubles()))
