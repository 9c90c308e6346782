"""The engines that dashboards show, and every metric of theirs that is known to be relayed, with its type and labels."""

from __future__ import annotations

from catalogue.engine_metric import EngineMetric
from catalogue.llamacpp import LLAMACPP
from catalogue.sglang import SGLANG
from catalogue.tgi import TGI
from catalogue.vllm import VLLM
from catalogue.vllm_options import VLLM_OPTIONS
from probes import backends
from probes.backends.backend import Backend
from probes.wording import listed

ENGINE_METRICS: tuple[EngineMetric, ...] = (*VLLM, *VLLM_OPTIONS, *TGI, *SGLANG, *LLAMACPP)
"""The metrics of all engines."""

ENGINES: tuple[Backend, ...] = tuple(backend for backend in backends.BACKENDS.values() if not backend.generic)
"""Those with a name and a colour of their own."""
PEOPLE_SAY = listed([engine.title for engine in ENGINES])
"""Their names, as they stand in a sentence."""
