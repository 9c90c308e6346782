"""Whether the files that are checked in are those that would be built."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from dashboards.build import OPERATOR, leftovers
from dashboards.forms.operator import unpacked
from dashboards.lint import metrics
from dashboards.lint.finding import DASHBOARD, Finding
from dashboards.lint.page import Page

_ANEW = "run `chatprobe dashboards build`"


def stale(built: Mapping[str, str], folder: Path) -> Iterator[str]:
    """What is different in a folder, a line for each file, or for each panel where a dashboard differs in some."""
    for name, written in built.items():
        path = folder / name
        try:
            there = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            yield f"{path}: is missing; {_ANEW}"
            continue
        if _same(name, there, written):
            continue
        panels = list(_panels(there, written)) if name.endswith(".json") else []
        yield from map(str, panels)
        if not panels:
            yield f"{path}: is stale; {_ANEW}"
    yield from (f"{path}: is left from before; {_ANEW}" for path in leftovers(built, folder))


def _same(name: str, there: str, written: str) -> bool:
    if there == written or not name.startswith(f"{OPERATOR}/"):
        return there == written
    try:
        return unpacked(there) == unpacked(written)
    except ValueError:
        return False


def _panels(there: str, written: str) -> Iterator[Finding]:
    """The panels of a file that are not as they would be built, each with the metrics that it asks for and that are gone."""
    try:
        old, new = Page(json.loads(there)), Page(json.loads(written))
    except ValueError:
        return
    gone = {finding.panel: finding for finding in metrics.check(old) if finding.panel != DASHBOARD}
    now = {panel.title: panel.raw for panel in new.panels}
    for panel in old.panels:
        if panel.title not in now:
            yield old.find("it is in the file, and in the dashboard no more", _ANEW, panel)
        elif panel.raw != now[panel.title]:
            wrong = gone.get(panel.name)
            yield wrong or old.find("it is not in the file as it would be built", _ANEW, panel)
    titles = {panel.title for panel in old.panels}
    yield from (new.find("it is not in the file", _ANEW, panel) for panel in new.panels if panel.title not in titles)
