"""A `ConfigMap` that the sidecar of Grafana's Helm charts finds by its label, in the folder that its annotation names."""

from __future__ import annotations

from dashboards.forms.delivery import Delivery
from dashboards.forms.yaml import dump

LARGEST = 1024 * 1024
"""Most bytes that Kubernetes keeps of one."""
LABEL, LABEL_VALUE, FOLDER = "grafana_dashboard", "1", "grafana_folder"
"""Those that kube-prometheus-stack looks for; the sidecar must be told of the annotation (`sidecar.dashboards.folderAnnotation`)."""


def config_map(uid: str, text: str, delivery: Delivery) -> str:
    """Raises ValueError for a dashboard that does not fit in."""
    written = dump(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": uid, "labels": {LABEL: LABEL_VALUE}, "annotations": {FOLDER: delivery.folder}},
            "data": {f"{uid}.json": text},
        }
    )
    if (size := len(written.encode())) >= LARGEST:
        raise ValueError(f"{uid}: its ConfigMap has {size} bytes, and Kubernetes keeps fewer than {LARGEST}; divide the dashboard")
    return written
