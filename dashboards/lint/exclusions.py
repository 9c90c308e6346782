"""What dashboard-linter asks for and does not hold here, each time with the reason, and scoped to the query that it is about.

They are written as `.lint` beside the dashboards too, so that Grafana's own tool agrees. There, keys are in lower letters: it reads no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.lint.finding import Finding
from dashboards.lint.page import RANGE_SECONDS, Page
from dashboards.lint.series import INSTANCE, JOB, find
from dashboards.lint.tree import call_over, selectors

_MATCHERS = {f"target-{label}-rule": label for label in (JOB, INSTANCE)}
_WHOLE_RANGE = "it tells of the whole time range that is shown, so its rate is taken over it"


@dataclass(frozen=True, slots=True, order=True)
class Exclusion:
    """A finding of dashboard-linter that is none, and why."""

    rule: str
    board: str
    panel: str
    target: int
    reason: str


def excluded(page: Page, finding: Finding) -> Exclusion | None:
    """The exclusion that a finding falls under, or None."""
    if finding.target is None:
        return None
    reason = _reason(page, finding)
    return Exclusion(finding.rule, finding.board, finding.panel, finding.target, reason) if reason else None


def _reason(page: Page, finding: Finding) -> str:
    if label := _MATCHERS.get(finding.rule):
        reasons = [series.lacks(label) if (series := find(name)) else "" for name in finding.series]
        return "; ".join(dict.fromkeys(reasons)) if all(reasons) else ""
    if finding.rule == "target-rate-interval-rule":
        return _WHOLE_RANGE if _over_whole_range(page, finding) else ""
    return ""


def _over_whole_range(page: Page, finding: Finding) -> bool:
    """Whether the query asks for one value, and each rate in it that is not over `$__rate_interval` is over `$__range`."""
    target = next(target for panel, target in page.targets if panel.name == finding.panel and target.place == finding.target)
    expr = page.read(target.expr)
    if expr is None or not target.raw.get("instant"):
        return False
    ranges = {over.total_seconds() for _, way in selectors(expr) if (over := call_over(way)[1]) and call_over(way)[0] in ("rate", "irate")}
    return ranges == {RANGE_SECONDS}


def as_lint(exclusions: Iterable[Exclusion]) -> dict[str, object]:
    """The document `.lint`."""
    by_rule: dict[str, list[Exclusion]] = {}
    for one in sorted(set(exclusions)):
        by_rule.setdefault(one.rule, []).append(one)
    return {
        "exclusions": {
            rule: {
                "reason": "see each entry",
                "entries": [{"dashboard": one.board, "panel": one.panel, "targetidx": str(one.target), "reason": one.reason} for one in entries],
            }
            for rule, entries in by_rule.items()
        }
    }
