"""How faults are written and read, and which request meets which of them."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from typing import TypeVar, get_type_hints

from simulator.dialects import shown_by
from simulator.faults import FAULTS, Fault


class FaultError(ValueError):
    """A fault that is not on the list, has a wrong parameter, or that this engine cannot show."""


def signature(kind: type[Fault]) -> str:
    """How a fault is written, with its defaults: `stall:AFTER=1[:SECONDS]`."""
    parts = [kind.name]
    for parameter in fields(kind):
        default = "" if parameter.default in (None, MISSING) else f"={parameter.default}"
        parts.append(f"[:{parameter.name.upper()}{default}]")
    return "".join(parts)


def explain(kind: type[Fault]) -> str:
    """What a fault does, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def parse(text: str, engine: str) -> Fault:
    """Read `NAME[:PARAM[:PARAM]]`. Raises `FaultError`, which names what is wrong and what is known."""
    name, *values = text.strip().split(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise FaultError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    if engine not in shown_by(kind):
        raise FaultError(f"{engine} cannot show the fault {name!r}; only {', '.join(shown_by(kind))}")
    parameters = fields(kind)
    if len(values) > len(parameters):
        raise FaultError(f"too many parameters in {text!r}; {name} is written {signature(kind)}")
    types = get_type_hints(kind)
    arguments = {}
    for parameter, value in zip(parameters, values, strict=False):
        number = int if types[parameter.name] in (int, int | None) else float
        try:
            arguments[parameter.name] = number(value)
        except ValueError:
            raise FaultError(f"{value!r} in {text!r} is not a number of {parameter.name}; {name} is written {signature(kind)}") from None
        if arguments[parameter.name] < 0:
            raise FaultError(f"{parameter.name} in {text!r} must not be below 0")
    if arguments.get("count") == 0:
        raise FaultError(f"count in {text!r} must be at least 1")
    return kind(**arguments)


_F = TypeVar("_F", bound=Fault)


class Plan:
    """The faults that one request meets, at most one of each kind."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = {type(fault): fault for fault in faults}

    def get(self, kind: type[_F]) -> _F | None:
        fault = self._faults.get(kind)
        return fault if isinstance(fault, kind) else None

    def strikes(self) -> list[tuple[int, Fault]]:
        """(after how many tokens, fault) for each fault that strikes once, in mid-stream."""
        return [(after, fault) for fault in self._faults.values() if (after := fault.strikes_after) is not None]

    def __contains__(self, kind: type[Fault]) -> bool:
        return kind in self._faults

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self._faults.values()))


@dataclass
class ActiveFault:
    """A fault in force: for all requests, the next `count` of them, or each with `probability`."""

    fault: Fault
    count: int | None = None
    probability: float = 1.0


class Faults:
    """The faults in force on one engine, changed while it runs. Which request meets one of probability below 1 depends on the seed alone."""

    def __init__(self, engine: str, seed: int) -> None:
        self._engine = engine
        self._random = random.Random(seed)
        self.active: list[ActiveFault] = []

    def add(self, text: str, *, count: int | None = None, probability: float = 1.0) -> ActiveFault:
        """Put a fault in force. Raises `FaultError`."""
        fault = parse(text, self._engine)
        if count is not None and count < 1:
            raise FaultError("count must be at least 1")
        if not 0 < probability <= 1:
            raise FaultError("probability must lie above 0 and not above 1")
        if not fault.per_request:
            raise FaultError(f"{fault.name} concerns connections, not requests")
        active = ActiveFault(fault, count, probability)
        self.active.append(active)
        return active

    def clear(self, name: str | None = None) -> None:
        """End all faults, or those of one name."""
        self.active = [active for active in self.active if name is not None and active.fault.name != name]

    def plan(self, header: str | None = None) -> Plan:
        """Choose the faults of the next request; `header` adds its own, several separated by commas. Raises `FaultError`."""
        own = [parse(text, self._engine) for text in header.split(",")] if header else []
        for fault in own:
            if not fault.per_request:
                raise FaultError(f"{fault.name} concerns connections, not requests")
        chosen: list[Fault] = []
        for active in self.active:
            if active.probability == 1 or self._random.random() < active.probability:
                chosen.append(active.fault)
                if active.count is not None:
                    active.count -= 1
        self.active = [active for active in self.active if active.count is None or active.count > 0]
        return Plan([*chosen, *own])
