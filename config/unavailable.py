"""Keys that belong to the configuration but not to this version: they are refused by name, not as unknown ones.

A value that asks for nothing, the default of such a key, is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config.rules import Finding


@dataclass(frozen=True, slots=True)
class Unavailable:
    """`path` has `*` for any name, and `[]` for any place in a list; `accepted` are the values that ask for nothing."""

    path: tuple[str, ...]
    what: str
    instead: str
    accepted: tuple[object, ...] = (None,)

    @property
    def text(self) -> str:
        return f"{self.what} not available in this version; {self.instead}"


UNAVAILABLE = (Unavailable(("metrics", "native_histograms"), "native histograms are", "leave it out, the classic ones are served", (None, False)),)


def take_out(data: object) -> Iterator[Finding]:
    """Takes those keys out of the plain data, and says which of them ask for something."""
    for row in UNAVAILABLE:
        yield from _take(data, row, row.path, ())
    if isinstance(data, dict) and data.get("metrics") in ({}, None):
        data.pop("metrics", None)  # a section that holds nothing but such keys


def _take(data: Any, row: Unavailable, left: tuple[str, ...], path: tuple[str | int, ...]) -> Iterator[Finding]:
    head, *rest = left
    if head == "[]" and isinstance(data, list):
        for index, entry in enumerate(data):
            yield from _take(entry, row, tuple(rest), (*path, index))
    if not isinstance(data, dict):
        return
    names = list(data) if head == "*" else [head] if head in data else []
    for name in names:
        if rest:
            yield from _take(data[name], row, tuple(rest), (*path, name))
        else:
            written = data.pop(name)
            if not any(type(written) is type(value) and written == value for value in row.accepted):
                yield (*path, name), row.text
