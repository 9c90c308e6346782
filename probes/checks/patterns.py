"""Regular expressions on answers, bounded in time: an engine must not be able to hold chatprobe by what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from probes.ask import Reply, TooSlowError
from probes.checks.wording import shortened

TIME_LIMIT_SECONDS = 0.1
"""For one expression on one answer. What needs longer does so because it goes astray."""


def compiled(written: str) -> regex.Pattern[str]:
    """The expression, as the library `regex` reads it. Raises `ValueError` with a text that repeats nothing of what was written."""
    try:
        return regex.compile(written)
    except regex.error as error:
        at = getattr(error, "pos", None)
        where = "" if at is None else f" at character {at + 1}"
        raise ValueError(f"is no regular expression, it goes wrong{where}; mend it, with \\ before a character that stands for itself") from None
    except (RecursionError, OverflowError):
        raise ValueError("is a regular expression too large to be read; write a shorter one") from None


def found(pattern: regex.Pattern[str], text: str) -> bool:
    """Whether the expression matches anywhere in the text. Raises `TooSlowError`."""
    try:
        return pattern.search(text, timeout=TIME_LIMIT_SECONDS) is not None
    except TimeoutError:
        raise TooSlowError(f"took longer than {TIME_LIMIT_SECONDS:g} s; write an expression that has one way to match") from None


@dataclass(frozen=True, slots=True)
class Matches:
    """The expression matches somewhere in the answer."""

    pattern: regex.Pattern[str]

    def wrong(self, reply: Reply) -> str | None:
        return None if found(self.pattern, reply.text) else f"does not match {shortened(self.pattern.pattern, 120)}"
