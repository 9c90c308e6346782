"""What a rule found."""

from __future__ import annotations

from dataclasses import dataclass

DASHBOARD = "(dashboard)"
"""Where a finding is about no panel in particular."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong with a panel, and what to do: `board` and `panel` are titles, `target` the place of the query among the panel's, from 0.

    `series` are the names of the metrics that a rule on selectors is about.
    """

    board: str
    panel: str
    rule: str
    what: str
    remedy: str
    target: int | None = None
    series: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}: {self.what}; {self.remedy}"
