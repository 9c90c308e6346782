"""Where a page lists what the code has a closed list of, it lists the same."""

from __future__ import annotations

import re

from config.starters import PRESETS
from probes.failure import Reason
from probes.prompts import names
from tests.docs.pages import ROOT, Page
from traffic.events import SkipReason

DOCS = ROOT / "docs"


def first_cells(page: str, head: str) -> list[str]:
    """What stands as code in the first cells of the table with this head."""
    table = Page(DOCS / page).text.split(f"| {head} |")[1].split("\n\n")[0]
    return [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_reasons_of_failure_in_their_order() -> None:
    assert first_cells("definitions.md", "Reason | When") == list(Reason)


def test_reasons_for_skipping() -> None:
    assert first_cells("definitions.md", "Skipped because | Meaning | For the SLO") == list(SkipReason)


def test_presets() -> None:
    assert first_cells("operating.md", "Preset | For | Load") == list(PRESETS)


def test_prompt_sets() -> None:
    sentence = Page(DOCS / "configuration.md").text.split("Prompt sets: ")[1].partition(". ")[0]
    assert sorted(re.findall(r"`([^`]+)`", sentence)) == sorted(names())
