"""Every place in the configuration where keys may stand is known to the texts of errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

import pytest

from config.base import Section
from config.model import Config
from config.rules import MOST_NAMES
from config.sections import SECTIONS, keys


def inside(annotation: Any) -> Iterator[tuple[tuple[str, ...], type[Section]]]:
    """Sections that a type holds, each with `*` for the names or places above it."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield (), annotation
    origin, parts = get_origin(annotation), get_args(annotation)
    above = ("*",) if isinstance(origin, type) and issubclass(origin, Mapping | Sequence) else ()
    for part in parts[:1] if origin is Annotated else parts:
        yield from (((*above, *path), section) for path, section in inside(part))


def reachable(place: tuple[str, ...], section: type[Section]) -> Iterator[tuple[tuple[str, ...], type[Section]]]:
    yield place, section
    for name, field in section.model_fields.items():
        for path, below in inside(field.annotation):
            yield from reachable((*place, field.alias or name, *path), below)


@pytest.mark.parametrize(("place", "section"), [*reachable((), Config)], ids=lambda part: ".".join(part) or "top" if isinstance(part, tuple) else "")
def test_every_section_is_known_by_its_place(place: tuple[str, ...], section: type[Section]) -> None:
    assert SECTIONS.get(place) is section


def test_an_error_lists_all_keys_of_any_section() -> None:
    assert max(len(keys(section)) for section in SECTIONS.values()) <= MOST_NAMES
