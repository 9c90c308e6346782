"""Keeps the objects of one kind in one namespace.

They are bounded by number and by weight. A flood displaces none that are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from discovery.kubernetes.objects import Gateway, HttpRoute, Ingress, Object, Service, Slice

MOST_OBJECTS = 10_000
MOST_PARTS = 100_000
"""Of all objects together, themselves included. A part, such as a pod of a slice or a rule of an Ingress, has some
300 bytes."""


def parts(one: Object) -> int:
    """How much an object weighs: 1 for itself, and 1 for each pod, rule, port or listener in it."""
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
    """The objects that are kept, by name, and what they weigh together."""

    objects: dict[str, Object] = field(default_factory=dict)
    parts: int = 0

    def keep(self, name: str, one: Object) -> bool:
        """Keep an object in place of the one of its name.

        False if there is no room for it: then all stays as it was.
        """
        known = self.objects.get(name)
        total = self.parts + parts(one) - (0 if known is None else parts(known))
        if total > MOST_PARTS or (known is None and len(self.objects) >= MOST_OBJECTS):
            return False
        self.objects[name] = one
        self.parts = total
        return True

    def drop(self, name: str) -> None:
        """Forget the object of this name, if there is one."""
        known = self.objects.pop(name, None)
        self.parts -= 0 if known is None else parts(known)

    def refreshed(self, found: Mapping[str, Object]) -> Kept:
        """What is known, brought up to date where it was found now; and as many others as there is room for."""
        kept = Kept(dict(self.objects), self.parts)
        for name in sorted(found, key=lambda name: name not in self.objects):
            kept.keep(name, found[name])
        return kept
