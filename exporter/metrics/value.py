"""The value of one series, small: of each target there are hundreds."""

from __future__ import annotations

from typing import Any

from prometheus_client.samples import Exemplar


class Value:
    """What prometheus-client keeps a sample in, in place of its own class, which takes five times the memory for a lock of its own.

    Series are written one after the other, as `exporter.metrics.ledger` has it, so that no value needs a lock.
    """

    __slots__ = ("_exemplar", "_value")

    _multiprocess = False
    """Asked by prometheus-client: whether several processes share the values."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Takes what prometheus-client says of the series, and needs none of it."""
        self._value = 0.0
        self._exemplar: Exemplar | None = None

    def inc(self, amount: float) -> None:
        self._value += amount

    def set(self, value: float, timestamp: float | None = None) -> None:
        self._value = value

    def set_exemplar(self, exemplar: Exemplar) -> None:
        self._exemplar = exemplar

    def get(self) -> float:
        return self._value

    def get_exemplar(self) -> Exemplar | None:
        return self._exemplar
