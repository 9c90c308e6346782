"""Answers that are JSON of a given shape.

What an engine answers must not be able to hold chatprobe: the regular expressions of a schema are matched in linear time, and a schema
that refers to itself is refused, since looking through an answer that is nested deeply could take for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import orjson

from probes.ask import Reply
from probes.checks.wording import shortened

_FENCE = "```"
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class SchemaError(ValueError):
    """A JSON Schema that cannot be used: `place` holds the keys and indices down to what is wrong in it."""

    def __init__(self, place: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.place = place


def _validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Raises `SchemaError`. Nothing is fetched: what a schema refers to must stand in it."""
    try:
        inlined = jsonschema_rs.dereference(dict(schema), offline=True)
        validator = jsonschema_rs.validator_for(
            dict(schema), mask="the value", offline=True, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        raise SchemaError(tuple(error.instance_path), "is not what JSON Schema has here; mend it, or leave it out") from None
    except (jsonschema_rs.ReferencingError, ValueError):
        raise SchemaError(
            (), 'refers to what does not stand in it, and nothing is fetched; put it under $defs, and write $ref: "#/$defs/NAME"'
        ) from None
    if _refers(inlined):
        raise SchemaError((), "refers to itself, so that checking could take for ever; write the levels out that an answer may have")
    return validator


def _refers(schema: object) -> bool:
    """Whether a reference stands anywhere in the schema."""
    match schema:
        case dict():
            return any(isinstance(schema.get(key), str) for key in _REFERENCES) or any(map(_refers, schema.values()))
        case list():
            return any(map(_refers, schema))
    return False


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The answer is JSON, in a Markdown code fence or without, and fits the schema. Raises `SchemaError` for one that cannot be used."""

    schema: Mapping[str, Any]
    _validator: jsonschema_rs.Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_validator", _validator(self.schema))

    def wrong(self, reply: Reply) -> str | None:
        try:
            said = orjson.loads(_unfenced(reply.text))
        except orjson.JSONDecodeError as error:
            return f"is no JSON at line {error.lineno}, column {error.colno}"
        try:
            self._validator.validate(said)
        except jsonschema_rs.ValidationError as error:
            place = _written(error.instance_path)
            return shortened(f"does not fit the schema{f' at {place}' if place else ''}: {error.message}")
        except ValueError:
            return "is nested too deeply to be looked through"
        return None


def _unfenced(text: str) -> str:
    """The text without white space around it, and without a Markdown code fence around that."""
    text = text.strip()
    opening, newline, rest = text.partition("\n")
    if not (newline and opening.startswith(_FENCE) and rest.endswith(_FENCE)):
        return text
    return rest.removesuffix(_FENCE)


def _written(path: list[str | int]) -> str:
    """`items[0].price`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
