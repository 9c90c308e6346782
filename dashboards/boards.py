"""All dashboards."""

from __future__ import annotations

from dashboards import ollama, overview, tgi, vllm, why
from dashboards.dash.board import Board

BOARDS: tuple[Board, ...] = (overview.BOARD, why.BOARD, vllm.BOARD, tgi.BOARD, ollama.BOARD)
"""In the order in which a reader goes through them."""
