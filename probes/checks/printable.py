"""Answers that are no text: control characters, undecodable bytes, code points that stand for nothing."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass

from probes.ask import Reply

LEAST_SHARE = 0.95
"""Of an answer's characters that must be printable."""

_REPLACEMENT = "\ufffd"
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Cn"})


def _is_printable(character: str) -> bool:
    """White space is, and so are the invisible characters that some scripts and emoji are joined with."""
    if character == _REPLACEMENT:
        return False
    return character.isspace() or unicodedata.category(character) not in _UNPRINTABLE


@dataclass(frozen=True, slots=True)
class Printable:
    """At least 95 % of the characters are printable, and nowhere do two in a row stand for bytes that could not be decoded."""

    def wrong(self, reply: Reply) -> str | None:
        text = reply.text
        if _REPLACEMENT * 2 in text:
            return "holds bytes that are no text"
        unprintable = sum(count for character, count in Counter(text).items() if not _is_printable(character))
        if unprintable > (1 - LEAST_SHARE) * len(text):
            return f"holds {unprintable} characters of {len(text)} that cannot be printed"
        return None
