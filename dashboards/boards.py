"""All dashboards."""

from __future__ import annotations

from dashboards import latency, llamacpp, ollama, overview, prober, sglang, slo, tgi, vllm, why
from dashboards.dash.board import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    latency.BOARD,
    slo.BOARD,
    why.BOARD,
    vllm.BOARD,
    tgi.BOARD,
    ollama.BOARD,
    sglang.BOARD,
    llamacpp.BOARD,
    prober.BOARD,
)
"""In the order in which a reader goes through them."""
