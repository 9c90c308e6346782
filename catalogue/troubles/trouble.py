"""What is told of one thing that can be wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What it can be, and what to do then."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason, refusal or check by its name, which is that of a label, a log or a file where it has one there.

    `looks_like` is where it shows, and how. Texts are sentences without a full stop at their end, in English, whose only
    Markdown is code in backticks. The likeliest cause stands first.
    """

    name: str
    meaning: str
    looks_like: str
    causes: tuple[Cause, ...]
