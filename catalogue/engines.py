"""The engines as dashboards show them, and every metric of theirs that is known to be served on, with its type and its labels."""

from __future__ import annotations

from catalogue.relayed import Relayed
from catalogue.tgi import TGI
from catalogue.vllm import VLLM
from catalogue.vllm_options import VLLM_OPTIONS
from probes import backends
from probes.backends.backend import Backend

RELAYED: tuple[Relayed, ...] = (*VLLM, *VLLM_OPTIONS, *TGI)
"""The metrics of all engines."""

ENGINES: tuple[Backend, ...] = tuple(backend for backend in backends.BACKENDS.values() if not backend.generic)
"""Those with a name and a colour of their own."""
