"""What is generated from the dashboards: the text of each file, by its path below their folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.render import text
from dashboards.forms.configmap import config_map
from dashboards.forms.console import console_config_map
from dashboards.forms.delivery import Delivery
from dashboards.forms.operator import grafana_dashboard

_OURS = "chatprobe-*"
"""What the uids of all dashboards begin with."""
CONFIG_MAPS, OPERATOR, CONSOLE = "configmaps", "grafana-operator", "openshift-console"


def build(boards: Iterable[Board] = BOARDS, delivery: Delivery | None = None) -> dict[str, str]:
    """The files below `dashboards/generated`: JSON for Grafana, and the same in the other forms, a folder each.

    Raises ValueError where two dashboards have the same uid, or one is too large for a ConfigMap.
    """
    boards, given = tuple(boards), delivery or Delivery()
    built: dict[str, str] = {}
    for board in boards:
        uid, written = str(board.uid), text(board)
        if f"{uid}.json" in built:
            raise ValueError(f"two dashboards have the uid {uid}; each needs one of its own")
        built[f"{uid}.json"] = written
        built[f"{CONFIG_MAPS}/{uid}.yaml"] = config_map(uid, written, given)
        built[f"{OPERATOR}/{uid}.yaml"] = grafana_dashboard(uid, written, given)
        built[f"{CONSOLE}/{uid}.yaml"] = console_config_map(board)
    return built


def leftovers(built: Iterable[str], folder: Path) -> list[Path]:
    """Files of an earlier build that this one does not write: those with a name that a dashboard of chatprobe has. Others are somebody else's."""
    patterns = (f"{_OURS}.json", *(f"{form}/{_OURS}.yaml" for form in (CONFIG_MAPS, OPERATOR, CONSOLE)))
    kept = {folder / name for name in built}
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if path not in kept)
