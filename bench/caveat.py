"""What makes a comparison unfair though chatprobe was well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caveat:
    """One such thing, in words. `targets` are those that it touches."""

    words: str
    targets: tuple[str, ...] = ()
