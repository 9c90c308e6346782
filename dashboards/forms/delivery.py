"""Where dashboards go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FOLDER = "chatprobe"
INSTANCE = (("dashboards", "grafana"),)


class Form(StrEnum):
    """What takes the dashboards."""

    JSON = "json"
    """Grafana itself, 10.4 and later."""
    CONFIG_MAP = "configmap"
    """The sidecar of Grafana's Helm charts."""
    OPERATOR = "operator"
    """The Grafana operator."""
    CONSOLE = "console"
    """OpenShift's console."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`folder` of Grafana, and the labels of the `Grafana` that the operator gives them to: these cannot be changed once they are applied."""

    folder: str = FOLDER
    instance: tuple[tuple[str, str], ...] = INSTANCE
