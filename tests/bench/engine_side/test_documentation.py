"""The page has the rules as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine_side.finding import Kind
from bench.engine_side.findings import RULES
from bench.engine_side.table import rows

PAGE = (Path(__file__).parents[3] / "docs" / "findings.md").read_text()


@pytest.mark.parametrize(("kind", "head"), [("cause", "## Causes"), ("caveat", "## Caveats")])
def test_each_table_is_that_of_the_rules(kind: Kind, head: str) -> None:
    assert PAGE.split(head)[1].split("\n## ")[0].strip() == rows(kind)


def test_names_of_rules_are_told_apart() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
