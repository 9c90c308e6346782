"""Reads a chart's `values.yaml` with its comments.

Each value has one: `# -- (KIND) what it is`, which may run over further comment lines. A mapping whose KIND is `open` takes other keys too;
a mapping without a comment of this form is a section, and takes those that are written only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_START = re.compile(r"\s*# -- \((?P<kind>[^)]+)\) (?P<text>.+)")
_MORE = re.compile(r"\s*# (?P<text>[^-].*)")
OPEN = "open"


class ValuesError(ValueError):
    """A value that is not described; the text names it and what would be right."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value. `kind` is as written, like `int|null`; `default` as YAML reads it."""

    path: tuple[str, ...]
    kind: str
    text: str
    default: Any


@dataclass(frozen=True, slots=True)
class Section:
    """Values under one key; `open` where keys of others may stand beside them."""

    path: tuple[str, ...]
    open: bool
    text: str
    parts: tuple[Value | Section, ...]


def read(text: str) -> Section:
    """The whole of a `values.yaml`. Raises `ValuesError`."""
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValuesError("values.yaml holds no mapping; values by their names")
    return Section((), False, "", tuple(_parts((), root, text.splitlines())))


def flat(section: Section) -> Iterator[Value]:
    """Every value, in the order in which they are written."""
    for part in section.parts:
        if isinstance(part, Section):
            yield from flat(part)
        else:
            yield part


def _parts(path: tuple[str, ...], mapping: yaml.MappingNode, lines: list[str]) -> Iterator[Value | Section]:
    for key, node in mapping.value:
        here = (*path, key.value)
        kind, text = _comment(lines, key.start_mark.line)
        is_section = isinstance(node, yaml.MappingNode) and node.value and kind in (None, OPEN)
        if is_section:
            yield Section(here, kind == OPEN, text, tuple(_parts(here, node, lines)))
        elif kind is None:
            raise ValuesError(
                f"values.yaml:{key.start_mark.line + 1}: {'.'.join(here)}: it is not described; a comment before it: # -- (KIND) what it is"
            )
        else:
            yield Value(here, kind, text, _default(node))


def _comment(lines: list[str], line: int) -> tuple[str | None, str]:
    """Kind and text of the comment that ends above this line."""
    texts: list[str] = []
    for above in reversed(lines[:line]):
        if start := _START.fullmatch(above):
            return start["kind"], " ".join([start["text"], *texts])
        if not (more := _MORE.fullmatch(above)):
            break
        texts.insert(0, more["text"])
    return None, ""


def _default(node: yaml.Node) -> Any:
    return yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper))
