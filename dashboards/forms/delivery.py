"""Where dashboards go."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "chatprobe"
INSTANCE = (("dashboards", "grafana"),)


@dataclass(frozen=True, slots=True)
class Delivery:
    """`folder` of Grafana, and the labels of the `Grafana` that the operator gives them to: these cannot be changed once they are applied."""

    folder: str = FOLDER
    instance: tuple[tuple[str, str], ...] = INSTANCE
