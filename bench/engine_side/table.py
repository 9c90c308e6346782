"""The rules as a table in Markdown, as it stands in `docs/findings.md`."""

from __future__ import annotations

from bench.engine_side.finding import Kind
from bench.engine_side.findings import RULES


def rows(kind: Kind) -> str:
    """`python -c "from bench.engine_side.table import rows; print(rows('cause'))"` prints one."""
    head = ["| Rule | Fact | Limit | What follows |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| `{rule.name}` | {rule.fact} | {rule.limit} | {rule.remedy} |" for rule in RULES if rule.kind == kind)])
