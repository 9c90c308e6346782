"""The engines' own metrics: every `vllm:*` and `tgi_*` that is known to be served on, with its type and its labels. Ollama has none."""

from __future__ import annotations

from exporter.metrics.relayed import Relayed
from exporter.metrics.tgi import TGI
from exporter.metrics.vllm import VLLM
from exporter.metrics.vllm_options import VLLM_OPTIONS

RELAYED: tuple[Relayed, ...] = (*VLLM, *VLLM_OPTIONS, *TGI)
"""All of them."""
