"""How what an engine said, or an operator wrote, is quoted, shortly and on one line; and how things are counted, listed and timed."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_DETAIL = 200
"""Characters of what is told of a failure at most."""


def shortened(text: str, longest: int = LONGEST_DETAIL) -> str:
    """The text on one line, printable, its end left out where it is longer than so many characters."""
    # It may be as long as a frame; what lies far behind the cut is not looked at.
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text[: 10 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`; with another word in place of `and` where that is given."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def counted(count: int, one: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def figures(value: float) -> str:
    """Three of them: 0.123, 1.00, 45.6, 789, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".removesuffix(".")


def duration(seconds: float) -> str:
    """`31.2 ms`, `1.04 s`: milliseconds below one second."""
    return f"{figures(seconds)} s" if seconds >= 0.9995 else f"{figures(seconds * 1000)} ms"
