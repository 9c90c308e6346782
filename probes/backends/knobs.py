"""What an operator can turn at an engine, by what it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Knobs:
    """Flags and variables of an engine as they are written; empty where it has none for that, or none is known.

    - `batch`: how many requests run at once.
    - `cache`: the memory of the KV cache.
    - `prefill`: how many prompt tokens one step computes.
    - `prefix_cache`: what switches the prefix cache on, or off.
    - `queue`: how many requests may be there before others are refused.
    - `caution`: how careful it is not to admit what it may have to put back.
    - `keep`: how long an idle model stays in memory.
    """

    batch: str = ""
    cache: str = ""
    prefill: str = ""
    prefix_cache: str = ""
    queue: str = ""
    caution: str = ""
    keep: str = ""
