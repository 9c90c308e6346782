"""References inside of a JSON Schema, followed ahead: they must stay in it, come to an end, and not unfold to more than can be looked at.

A validator follows a schema that refers to itself as deep as an answer is nested, and down every branch again on each level: one answer
of an engine that stammers brackets could occupy it for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_MOST_PARTS = 20_000
_LONGEST_TRAIL = 20


class SchemaError(ValueError):
    """A JSON Schema that cannot be used: `place` holds the keys and indices down to what is wrong in it."""

    def __init__(self, place: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.place = place


def follow(schema: Mapping[str, Any]) -> None:
    """Follows every reference. Raises `SchemaError` where one leads out of the schema, back to itself, or too far."""
    whole = dict(schema)
    for count, _ in enumerate(_parts(whole, whole, ())):
        if count > _MOST_PARTS:
            raise SchemaError((), f"unfolds to more than {_MOST_PARTS} parts; write a simpler one")


def _parts(part: object, schema: Mapping[str, Any], trail: tuple[str, ...]) -> Iterator[object]:
    """Every part, and in the place of a reference what it leads to; `trail` are the references that led here."""
    yield part
    match part:
        case list():
            for item in part:
                yield from _parts(item, schema, trail)
        case dict():
            for key, value in part.items():
                if isinstance(value, str) and key in ("$dynamicRef", "$recursiveRef"):
                    raise SchemaError((), f"has a {key}, which is for schemas without an end; write the levels out that an answer may have")
                if isinstance(value, str) and part is not schema and _is_base(key, schema):
                    raise SchemaError((), f"has {key} below its root, so that references would lead elsewhere from there; leave it out")
                if isinstance(value, str) and key == "$ref":
                    yield from _parts(_target(value, schema, trail), schema, (*trail, value))
                else:
                    yield from _parts(value, schema, trail)


def _is_base(key: str, schema: Mapping[str, Any]) -> bool:
    """Whether text under this key is what references beside it and below it are relative to: draft 4 has another key than those after it."""
    return key == "$id" or (key == "id" and "draft-04" in str(schema.get("$schema")))


def _target(reference: str, schema: Mapping[str, Any], trail: tuple[str, ...]) -> object:
    if reference in trail:
        raise SchemaError((), "refers to itself; write the levels out that an answer may have")
    if len(trail) == _LONGEST_TRAIL:
        raise SchemaError((), f"refers on more than {_LONGEST_TRAIL} times in a row; write a simpler one")
    found: Any = schema
    home, *names = reference.split("/")
    try:
        if home != "#":
            raise KeyError(home)
        for name in names:
            key = unquote(name).replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (KeyError, ValueError, IndexError, TypeError):
        raise SchemaError(
            (), 'refers to what does not stand in it, and nothing is fetched; put it under $defs, and write $ref: "#/$defs/NAME"'
        ) from None
    return found
