"""All topics, and how they are found by what somebody types."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase

from cli.explained import alerts, metrics, terms, troubles
from cli.explained.topic import Topic

_NEAREST = 8
_ALIKE = 0.6
"""How alike two words must be, as `difflib` counts it."""


def topics() -> tuple[Topic, ...]:
    """Everything that can be explained, kind by kind."""
    return (*troubles.topics(), *terms.topics(), *alerts.topics(), *metrics.topics())


def find(word: str, among: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """Those of this name, whatever its case; of a series, its metric."""
    for name in dict.fromkeys((word, metrics.family(word))):
        found = tuple(topic for topic in among if _key(topic.name) == _key(name))
        if found:
            return found
    return ()


def matching(pattern: str, among: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """Those whose names match, `*` standing for any characters."""
    return tuple(topic for topic in among if fnmatchcase(_key(topic.name), _key(pattern)))


def nearest(word: str, among: tuple[Topic, ...]) -> tuple[str, ...]:
    """Names that may have been meant: those that are written alike, and those that contain it."""
    names = {_key(topic.name): topic.name for topic in among}
    alike = get_close_matches(_key(word), names, _NEAREST, _ALIKE)
    containing = [key for key in names if _key(word) in key] if len(word) > 1 else []
    return tuple(names[key] for key in dict.fromkeys((*alike, *containing)))[:_NEAREST]


def _key(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
