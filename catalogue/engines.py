"""The engines' own metrics: every `vllm:*` and `tgi_*` that is known to be served on, with its type and its labels. Ollama has none."""

from __future__ import annotations

from catalogue.relayed import Relayed
from catalogue.tgi import TGI
from catalogue.vllm import VLLM
from catalogue.vllm_options import VLLM_OPTIONS

RELAYED: tuple[Relayed, ...] = (*VLLM, *VLLM_OPTIONS, *TGI)
"""All of them."""
