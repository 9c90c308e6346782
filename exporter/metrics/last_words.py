"""What was said of a scenario's last failed chat, as a label that does not change with every chat."""

from __future__ import annotations

import re

from probes.record import ChatRecord

HELD_SECONDS = 60.0
"""For so long the words stand, as long as the reason is the same: each change begins a series."""
LONGEST = 200
"""Characters of the words."""
_NAMES_OF_ONE = re.compile(r"\b(?=[0-9a-fA-F-]*[0-9])[0-9a-fA-F-]{8,}\b|\b\d+(?:\.\d+)?(?= ?(?:s|ms|seconds|milliseconds)\b)")
"""Identifiers and measured times, which are others in each chat."""


class LastWords:
    """The words of one target's chats in one scenario."""

    def __init__(self) -> None:
        self._labels: tuple[str, str] | None = None
        self._since = 0.0

    def of(self, record: ChatRecord) -> tuple[str, str] | None:
        """Reason and words after this chat, as they are shown; None where it did not fail, or by our own fault."""
        if record.failure is None or record.outcome != "failed" or record.reason is None or record.reason.value == "internal":
            return None
        at = record.started_at + record.e2e_seconds
        if self._labels is None or self._labels[0] != record.reason.value or not 0 <= at - self._since < HELD_SECONDS:
            self._labels, self._since = (record.reason.value, shown(record.failure.detail)), at
        return self._labels


def shown(detail: str) -> str:
    """The words without what is another in each chat."""
    return _NAMES_OF_ONE.sub("…", detail)[:LONGEST]
