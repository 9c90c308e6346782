"""Which metric names are taken in an exposition, and by which family: no name may stand for two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from probes.numbers.family import FamilyType

_TOTAL = "_total"
_SUFFIXES: dict[FamilyType, tuple[str, ...]] = {
    "counter": (_TOTAL, "_created"),
    "summary": ("_count", "_sum", "_created"),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
}

Verdict = Literal["type", "name"] | None
Holder = TypeVar("Holder")


@dataclass(frozen=True, slots=True)
class Title:
    """A family's name and type, as engines declare them in the plain text format."""

    name: str
    type: FamilyType

    @property
    def text_type(self) -> str:
        return "untyped" if self.type == "unknown" else self.type

    @property
    def openmetrics_name(self) -> str:
        return self.name.removesuffix(_TOTAL) if self.type == "counter" else self.name

    @property
    def openmetrics_type(self) -> FamilyType:
        """`unknown` for a counter without `_total`: OpenMetrics has no such counter."""
        return "unknown" if self.type == "counter" and not self.name.endswith(_TOTAL) else self.type

    def samples(self) -> tuple[str, ...]:
        """The names that its samples may have."""
        return (self.name, *(self.openmetrics_name + suffix for suffix in _SUFFIXES.get(self.openmetrics_type, ())))

    def taken(self) -> tuple[str, ...]:
        """The names that no other family of an OpenMetrics exposition may have.

        They are the family's own name, the names of its samples, and the names that its samples could have.
        """
        stem = self.openmetrics_name
        return (stem, *(stem + suffix for suffix in _SUFFIXES.get(self.openmetrics_type, ())))


class Claims(Generic[Holder]):
    """The families that are served, and who serves series of each.

    The first who serves a family fixes its name and its type. Both are free again when the last of its holders has
    gone.
    """

    def __init__(self) -> None:
        self._titles: dict[str, Title] = {}
        self._holders: dict[Title, set[Holder]] = {}

    def conflict(self, title: Title) -> Verdict:
        """Why the family cannot be served now; None if it can.

        `type`: it is served already, as another type. `name`: one of the names that it takes belongs to another family.
        """
        others = [other for name in title.taken() if (other := self._titles.get(name, title)) != title]
        if not others:
            return None
        return "type" if any(other.name == title.name for other in others) else "name"

    def hold(self, title: Title, holder: Holder) -> None:
        """Note that the holder serves the family. The family must be without conflict."""
        self._holders.setdefault(title, set()).add(holder)
        self._titles.update(dict.fromkeys(title.taken(), title))

    def release(self, titles: Iterable[Title], holder: Holder) -> None:
        """Note that the holder serves these families no more."""
        for title in titles:
            self._holders[title].discard(holder)
            if not self._holders[title]:
                del self._holders[title]
                for name in title.taken():
                    del self._titles[name]
