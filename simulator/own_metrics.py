"""The seam between the simulation and an engine's own `/metrics`."""

from __future__ import annotations

from typing import Protocol

from simulator.batch_loop import Observer
from simulator.batching import Batching, Sequence, Step
from simulator.reply import Reply


class NativeMetrics(Observer, Protocol):
    """An engine's own metrics: told what happens, true to the simulation."""

    def asked(self) -> None:
        """A chat request came in."""
        ...

    def failed(self, kind: str) -> None:
        """A chat got no whole answer: `overloaded`, `validation`, `generation` (it broke off) or `dropped` (its client went away)."""
        ...

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        """An HTTP request was answered; `handler` is its path, `none` for an unknown one."""
        ...

    def render(self) -> Reply | None:
        """The page `/metrics`; None for an engine that has none."""
        ...


class NoMetrics:
    """Ollama: it has no metrics at all."""

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        pass

    def left(self, batching: Batching) -> None:
        pass

    def stepped(self, step: Step, batching: Batching) -> None:
        pass

    def finished(self, sequence: Sequence) -> None:
        pass

    def asked(self) -> None:
        pass

    def failed(self, kind: str) -> None:
        pass

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        pass

    def render(self) -> Reply | None:
        return None
