"""What is generated from the dashboards: the text of each file, by its name."""

from __future__ import annotations

from collections.abc import Iterable

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.render import text


def build(boards: Iterable[Board] = BOARDS) -> dict[str, str]:
    """The files below `dashboards/generated`, with paths relative to it.

    Raises ValueError where two dashboards have the same uid.
    """
    built: dict[str, str] = {}
    for board in boards:
        name = f"{board.uid}.json"
        if name in built:
            raise ValueError(f"two dashboards have the uid {board.uid}; each needs one of its own")
        built[name] = text(board)
    return built
