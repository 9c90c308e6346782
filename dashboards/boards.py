"""All dashboards."""

from __future__ import annotations

from dashboards import latency, overview, prober, slo
from dashboards.dash.board import Board

BOARDS: tuple[Board, ...] = (overview.BOARD, latency.BOARD, slo.BOARD, prober.BOARD)
"""In the order in which a reader goes through them."""
