"""All dashboards."""

from __future__ import annotations

from dashboards import overview
from dashboards.dash.board import Board

BOARDS: tuple[Board, ...] = (overview.BOARD,)
"""In the order in which a reader goes through them."""
