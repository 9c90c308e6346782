"""A metric that an engine has, and that is served on under its own name."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.metric import BACKEND, REPLICA, TARGET, Metric

RELAY_LABELS = (TARGET, BACKEND, REPLICA)
"""Ours on every relayed series, in front of the engine's own labels.

`replica` is there only where a target lists several processes.
"""


@dataclass(frozen=True, slots=True)
class EngineMetric(Metric):
    """A metric of an engine. `name` is as the engine writes it.

    `since` and `until` are the oldest and the newest version in which it was seen, like `0.10`. Without `until`, the
    newest version that was looked at has it. `condition` is what the engine needs for it; empty if it always has it.
    """

    since: str = ""
    until: str = ""
    condition: str = ""
