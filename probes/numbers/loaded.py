"""The models that an engine has in memory, where it loads them on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from probes.numbers.histogram import is_amount
from probes.numbers.number import Number


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One model in memory. None stands for what the engine does not say, or says in a way that is no number.

    `size_bytes` is all of its memory, `vram_bytes` the part of it on GPUs. `expires_at` is when it is unloaded if
    nobody uses it, in seconds since the epoch.
    """

    name: str
    size_bytes: float | None = None
    vram_bytes: float | None = None
    context_tokens: float | None = None
    expires_at: float | None = None

    def numbers(self) -> Iterator[tuple[Number, float]]:
        """Everything known of it. An amount that cannot be is left out."""
        for number, value in (
            (Number.MODEL_MEMORY, self.size_bytes),
            (Number.MODEL_VRAM, self.vram_bytes),
            (Number.MODEL_EXPIRY, self.expires_at),
            (Number.CONTEXT_TOKENS, self.context_tokens),
        ):
            if value is not None and is_amount(value):
                yield number, value


@dataclass(frozen=True, slots=True)
class OnDemand:
    """How an engine loads models on demand.

    `path` lists the models in memory, and `read` reads that answer. It raises `FrameError` if the answer is no such
    list. `keep_alive_seconds` is how long an idle model stays, unless the engine is told otherwise. `reloaded_by` are
    fields of a request that may have a model loaded anew, or kept. `helps` say what each number of a `LoadedModel` is
    with this engine.
    """

    path: str
    read: Callable[[bytes], tuple[LoadedModel, ...]]
    keep_alive_seconds: float
    helps: Mapping[Number, str]
    reloaded_by: tuple[str, ...] = ()
