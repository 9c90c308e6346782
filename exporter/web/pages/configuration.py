"""`/configuration`: what is in force."""

from __future__ import annotations

from exporter.web.pages.known import Known
from exporter.web.pages.templates import render


def configuration(known: Known) -> str:
    """The configuration in force, every default filled in and every secret hidden."""
    return render("configuration.html", yaml=known.config(), troubles=list(known.troubles()))
