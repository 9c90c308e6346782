"""A `ConfigMap` that OpenShift's console shows under Observe, Dashboards; it needs the rights of a cluster's administrator."""

from __future__ import annotations

from dashboards.dash.board import Board
from dashboards.dash.console import Edition, edition
from dashboards.dash.render import written
from dashboards.forms.yaml import dump

NAMESPACE = "openshift-config-managed"
LABELS = {"console.openshift.io/dashboard": "true", "console.openshift.io/odc-dashboard": "true"}
"""For administrators, and for the view of a project."""


def console_config_map(board: Board) -> str:
    """With a comment for each panel that the console cannot show. The console reads the first key only, so there is one."""
    made = edition(board)
    return dump(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": str(board.uid), "namespace": NAMESPACE, "labels": LABELS},
            "data": {f"{board.uid}.json": written(made.dashboard)},
        },
        _notes(made),
    )


def _notes(made: Edition) -> str:
    return "\n".join(f"Left out: {note}" for note in made.left_out)
