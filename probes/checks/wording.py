"""How checks quote what an operator wrote, or an answer said: shortly."""

from __future__ import annotations

LONGEST_DETAIL = 200
"""Characters of what a check says at most."""


def shortened(text: str, longest: int = LONGEST_DETAIL) -> str:
    """The text on one line, its end left out where it is longer than so many characters."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
