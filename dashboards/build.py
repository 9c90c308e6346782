"""What is generated from the dashboards: the text of each file, by its name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.render import text
from dashboards.forms.configmap import config_map
from dashboards.forms.console import console_config_map
from dashboards.forms.delivery import Delivery, Form
from dashboards.forms.operator import grafana_dashboard

_OURS = "chatprobe-*"
"""What the uids of all dashboards begin with."""


def build(boards: Iterable[Board] = BOARDS, form: Form = Form.JSON, delivery: Delivery | None = None) -> dict[str, str]:
    """The files of all dashboards in one form.

    Raises ValueError where two dashboards have the same uid, or one is too large for a ConfigMap.
    """
    given = delivery or Delivery()
    built: dict[str, str] = {}
    for board in boards:
        name = f"{board.uid}{_suffix(form)}"
        if name in built:
            raise ValueError(f"two dashboards have the uid {board.uid}; each needs one of its own")
        built[name] = _written(board, form, given)
    return built


def leftovers(built: Iterable[str], form: Form, folder: Path) -> list[Path]:
    """Files of an earlier build that this one does not write: those with a name that a dashboard of chatprobe has. Others are somebody else's."""
    kept = {folder / name for name in built}
    return sorted(path for path in folder.glob(f"{_OURS}{_suffix(form)}") if path not in kept)


def _suffix(form: Form) -> str:
    return ".json" if form is Form.JSON else ".yaml"


def _written(board: Board, form: Form, delivery: Delivery) -> str:
    match form:
        case Form.JSON:
            return text(board)
        case Form.CONFIG_MAP:
            return config_map(str(board.uid), text(board), delivery)
        case Form.OPERATOR:
            return grafana_dashboard(str(board.uid), text(board), delivery)
        case Form.CONSOLE:
            return console_config_map(board)
