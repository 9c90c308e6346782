"""Text that stands in Markdown as it is: names come from files and engines, and are no markup."""

from __future__ import annotations


def in_markdown(text: str) -> str:
    """What stands in the text, on one line, and no markup."""
    line = " ".join(text.split())
    return "".join(f"\\{mark}" if mark in "\\`*_[]<>|#~" else mark for mark in line)
