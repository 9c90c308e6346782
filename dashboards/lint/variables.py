"""Variables: each is used, and none is used that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dashboards.dash.filling import used
from dashboards.lint.finding import Finding
from dashboards.lint.frame import ALWAYS
from dashboards.lint.page import Page

_OF_GRAFANA = re.compile(r"__\w+")


def check(page: Page) -> Iterator[Finding]:
    names = {variable["name"] for variable in page.variables}
    shown = _of(page.raw["panels"]) | _of(page.annotations)
    by_variable = [(variable["name"], _of(variable)) for variable in page.variables]
    for name in sorted(names):
        if name not in ALWAYS and name not in shown.union(*(found for other, found in by_variable if other != name)):
            yield page.find(f"no query, title or link uses the variable ${name}", "use it, or leave it out")
    for panel in page.panels:
        for name in sorted(_of(panel.raw) - names):
            if not _OF_GRAFANA.fullmatch(name):
                yield page.find(f"it uses the variable ${name}, which the dashboard does not have", f"add it, or use one of {_listed(names)}", panel)


def _of(part: object) -> set[str]:
    """The variables that a part of the dashboard uses."""
    return set(used(json.dumps(part)))


def _listed(names: set[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(names))
