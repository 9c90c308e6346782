"""What is known of a metric that an engine has, and that is served on under its own name."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.metric import BACKEND, REPLICA, TARGET, Metric

RELAY_LABELS = (TARGET, BACKEND, REPLICA)
"""Ours on every series that is served on, before the engine's own; `replica` only where a target lists several processes."""


@dataclass(frozen=True, slots=True)
class EngineMetric(Metric):
    """`name` is as the engine writes it: a counter of vLLM ends in `_total`, one of TGI does not.

    `since` and `until` are the oldest and the newest version in which it was seen, like `0.10`; no `until`: the newest that we know has it.
    `condition` is what the engine has it only with; empty: always.
    """

    since: str = ""
    until: str = ""
    condition: str = ""
