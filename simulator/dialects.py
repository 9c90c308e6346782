"""The simulated engines: a dialect each, and the one line here that names it."""

from __future__ import annotations

from simulator.dialect import Dialect
from simulator.faults import Fault
from simulator.llamacpp import Llamacpp
from simulator.ollama import Ollama
from simulator.sglang import Sglang
from simulator.tgi import Tgi
from simulator.vllm import Vllm

DIALECTS: dict[str, type[Dialect]] = {
    dialect.name: dialect
    for dialect in (
        Vllm,
        Tgi,
        Ollama,
        Sglang,
        Llamacpp,
    )
}
ENGINES = tuple(DIALECTS)
"""Their names."""


def shown_by(kind: type[Fault]) -> tuple[str, ...]:
    """The engines that can show a fault."""
    return tuple(name for name, dialect in DIALECTS.items() if kind.of_every_engine or kind in dialect.faults)
