"""Links: they lead to a dashboard of ours, and set variables that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from catalogue.uids import Dashboard
from dashboards.dash.variables import STANDARD
from dashboards.lint.finding import Finding
from dashboards.lint.page import Page, Panel

_LINK = re.compile(r"/d/([\w-]+)\??((?:[^\"\\]|\\.)*)")
_SET = re.compile(r"[?&]?var-(\w+)=|\$\{(\w+):queryparam\}")
_COLUMN = re.compile(r'__data\.fields\[\\*"([^"\\]+)\\*"\]')


def check(page: Page, pages: Mapping[str, Page]) -> Iterator[Finding]:
    """`pages` are all dashboards by uid; one that is not among them, and that the catalogue names, is held to have the standard variables."""
    for panel in page.panels:
        for uid, query in _LINK.findall(json.dumps(panel.raw)):
            if uid not in set(Dashboard):
                yield page.find(f"a link leads to /d/{uid}, and there is no such dashboard", "take a uid from the catalogue", panel)
                continue
            there = {variable["name"] for variable in pages[uid].variables} if uid in pages else set(STANDARD)
            for name in (given or standing for given, standing in _SET.findall(query)):
                if name not in there:
                    yield page.find(f"a link to {uid} sets ${name}, which it does not have", f"set one of {', '.join(sorted(there))}", panel)
        yield from _columns(page, panel)


def _columns(page: Page, panel: Panel) -> Iterator[Finding]:
    """Links that take a value from a column of the row that was clicked."""
    titles = {
        title for step in panel.raw.get("transformations", []) if step["id"] == "organize" for title in step["options"]["renameByName"].values()
    }
    remedy = f"take one of {', '.join(sorted(titles))}" if titles else "it has no columns: take the value of a label"
    for column in dict.fromkeys(_COLUMN.findall(json.dumps(panel.raw))):
        if column not in titles:
            yield page.find(f"a link takes the value of a column {column!r} that is not there", remedy, panel)
