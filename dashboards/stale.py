"""Whether the files that are there are those that would be built."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from dashboards.build import leftovers
from dashboards.forms.delivery import Form
from dashboards.forms.operator import unpacked
from dashboards.lint import metrics
from dashboards.lint.finding import DASHBOARD, Finding
from dashboards.lint.page import Page


def stale(built: Mapping[str, str], form: Form, folder: Path) -> Iterator[str]:
    """What is different in a folder, a line for each file, or for each panel where a dashboard's JSON differs in some."""
    anew = "run `chatprobe dashboards build`" if form is Form.JSON else f"run `chatprobe dashboards build --form {form}`"
    for name, written in built.items():
        path = folder / name
        try:
            there = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            yield f"{path}: is missing; {anew}"
            continue
        except OSError as error:
            yield f"{path}: cannot be read: {error.strerror}; change its owner or its mode, or name another folder with --output"
            continue
        if _same(form, there, written):
            continue
        panels: list[Finding] = []
        if form is Form.JSON:
            with suppress(ValueError, LookupError, TypeError, AttributeError):  # what is no dashboard at all is stale as a whole
                panels = list(_panels(there, written, anew))
        yield from map(str, panels)
        if not panels:
            yield f"{path}: is stale; {anew}"
    yield from (f"{path}: is left from before; {anew}" for path in leftovers(built, form, folder))


def _same(form: Form, there: str, written: str) -> bool:
    if there == written or form is not Form.OPERATOR:
        return there == written
    try:
        return unpacked(there) == unpacked(written)
    except ValueError:
        return False


def _panels(there: str, written: str, anew: str) -> Iterator[Finding]:
    """The panels of a file that are not as they would be built, each with the metrics that it asks for and that are gone. Raises whatever comes of
    reading a file that is no dashboard."""
    old, new = Page(json.loads(there)), Page(json.loads(written))
    gone = {finding.panel: finding for finding in metrics.check(old) if finding.panel != DASHBOARD}
    now = {panel.title: panel.raw for panel in new.panels}
    for panel in old.panels:
        if panel.title not in now:
            yield old.find("it is in the file, and in the dashboard no more", anew, panel)
        elif panel.raw != now[panel.title]:
            wrong = gone.get(panel.name)
            yield wrong or old.find("it is not in the file as it would be built", anew, panel)
    titles = {panel.title for panel in old.panels}
    yield from (new.find("it is not in the file", anew, panel) for panel in new.panels if panel.title not in titles)
