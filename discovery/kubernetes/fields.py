"""Reads parts of an API's objects, which may be anything.

What has not the expected shape is taken as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def part(holder: object, *path: str) -> Json:
    """The map at a path; an empty one where there is none."""
    for key in path:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else {}


def text(holder: object, *path: str) -> str:
    """The text at a path; empty where there is none."""
    found = part(holder, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def number(holder: object, *path: str) -> int | None:
    """The whole number at a path; None where there is none."""
    found = part(holder, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def entries(holder: object, *path: str) -> Iterator[Json]:
    """The maps of the list at a path."""
    found = part(holder, *path[:-1]).get(path[-1])
    yield from (entry for entry in found if isinstance(entry, dict)) if isinstance(found, list) else ()


def texts(holder: object, *path: str) -> tuple[str, ...]:
    """The texts of the list at a path."""
    found = part(holder, *path[:-1]).get(path[-1])
    return tuple(entry for entry in found if isinstance(entry, str)) if isinstance(found, list) else ()


def labels(holder: object, *path: str) -> dict[str, str]:
    """The texts of the map at a path, by key."""
    return {key: value for key, value in part(holder, *path).items() if isinstance(value, str)}


def holds(holder: object, condition: str, *path: str) -> bool:
    """Whether the condition of this type, in the list at a path, is `True`."""
    return any(text(entry, "type") == condition and text(entry, "status") == "True" for entry in entries(holder, *path))
