"""Labels of relayed series: ours, and the engine's own."""

from __future__ import annotations

import math
from collections.abc import Mapping

from exporter.native.escaping import escaped
from probes.numbers import family as families
from probes.numbers.bound import bound


class Labels:
    """Writes the labels of relayed series: `ours` first, then the engine's own, sorted by name.

    A label of the engine with a `reserved` name gets the prefix `exported_`, more than once if the engine has that name
    too. Prometheus does the same.
    """

    def __init__(self, ours: Mapping[str, str], reserved: frozenset[str]) -> None:
        self._ours = tuple(ours.items())
        self._reserved = reserved
        self._written: dict[families.Labels, str] = {}
        self._pairs: dict[str, tuple[tuple[str, str], ...]] = {}
        self._points: dict[tuple[families.Labels, str], tuple[str, str, float]] = {}

    def write(self, labels: families.Labels) -> str:
        """What stands between the braces of a sample with these labels."""
        written = self._written.get(labels)
        if written is None:
            pairs = (*self._ours, *sorted(self._renamed(dict(labels)).items()))
            written = self._written[labels] = ",".join(f'{name}="{escaped(value)}"' for name, value in pairs)
            self._pairs[written] = pairs
        return written

    def pairs(self, written: str) -> tuple[tuple[str, str], ...]:
        """What `write` has written so, by name and value."""
        return self._pairs[written]

    def write_point(self, labels: families.Labels, of: str) -> tuple[str, str, float]:
        """The labels but for `of` (`le` or `quantile`), as `write` gives them; that one as written, and the number that it holds.

        Several families have the same buckets.
        """
        found = self._points.get((labels, of))
        if found is None:
            point = next((value for name, value in labels if name == of), "")
            written = self.write(tuple(pair for pair in labels if pair[0] != of))
            found = self._points[labels, of] = written, point, _position(point)
        return found

    def _renamed(self, labels: dict[str, str]) -> dict[str, str]:
        for name in sorted(self._reserved & labels.keys()):
            free = f"exported_{name}"
            while free in labels:
                free = f"exported_{free}"
            labels[free] = labels.pop(name)
        return labels


def _position(point: str) -> float:
    """The number that a bucket's or quantile's label holds. A label that is no number comes before all others."""
    found = bound(point)
    return -math.inf if math.isnan(found) else found
