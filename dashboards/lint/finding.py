"""What a rule found."""

from __future__ import annotations

from dataclasses import dataclass

DASHBOARD = "(dashboard)"
"""Where a finding is about no panel in particular."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a panel, and what to do. `board` and `panel` are titles."""

    board: str
    panel: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}: {self.what}; {self.remedy}"
