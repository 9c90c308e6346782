"""Text as it stands in Prometheus' text formats."""

from __future__ import annotations


def escaped(text: str) -> str:
    """The text as it stands in a label's value, and in a HELP line of OpenMetrics."""
    return escaped_help(text).replace('"', r"\"")


def escaped_help(text: str) -> str:
    """The text as it stands in a HELP line of the plain text format."""
    return text.replace("\\", r"\\").replace("\n", r"\n")
