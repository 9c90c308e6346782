"""The objects of one kind in one namespace that are known, within bounds: whatever floods a cluster does not flood us, and displaces nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from discovery.kubernetes.objects import Gateway, HttpRoute, Ingress, Object, Service, Slice

MOST_OBJECTS = 10_000
MOST_PARTS = 100_000
"""Of all objects together, themselves included: the pods of a slice, the rules of an Ingress, of some 300 bytes each."""


def parts(one: Object) -> int:
    """How much an object weighs: itself, and as much for each thing of which it may have any number."""
    match one:
        case Slice():
            return 1 + len(one.pods)
        case Ingress() | HttpRoute():
            return 1 + len(one.rules)
        case Service():
            return 1 + len(one.ports)
        case Gateway():
            return 1 + len(one.listeners)
    return 1


@dataclass(slots=True)
class Kept:
    """Objects by name."""

    objects: dict[str, Object] = field(default_factory=dict)
    parts: int = 0

    def put(self, name: str, one: Object) -> bool:
        """Keep it in place of the one of this name. False, and all stays as it was, if there is no room for it."""
        known = self.objects.get(name)
        total = self.parts + parts(one) - (0 if known is None else parts(known))
        if total > MOST_PARTS or (known is None and len(self.objects) >= MOST_OBJECTS):
            return False
        self.objects[name] = one
        self.parts = total
        return True

    def drop(self, name: str) -> None:
        """Forget it, if it is there."""
        known = self.objects.pop(name, None)
        self.parts -= 0 if known is None else parts(known)

    def refreshed(self, found: Mapping[str, Object]) -> Kept:
        """What is known, as it was found now where it was, and as many others as there is room for."""
        kept = Kept(dict(self.objects), self.parts)
        for name in sorted(found, key=lambda name: name not in self.objects):
            kept.put(name, found[name])
        return kept
