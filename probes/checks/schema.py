"""Answers that are JSON of a given shape. The regular expressions of a schema are matched in linear time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import orjson

from probes.ask import Reply
from probes.checks.references import SchemaError, follow

_FENCE = "```"


def _validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Raises `SchemaError`."""
    follow(schema)
    try:
        return jsonschema_rs.validator_for(
            dict(schema), mask="the value", offline=True, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        raise SchemaError(tuple(error.instance_path), "is not what JSON Schema has here; mend it, or leave it out") from None
    except ValueError:
        raise SchemaError((), "is no JSON Schema that can be read; write a simpler one") from None


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
            return f"does not fit the schema{f' at {place}' if place else ''}: {error.message}"
        except ValueError:
            return "does not fit the schema, and is nested too deeply to say where"
        return None


def _unfenced(text: str) -> str:
    """The text without white space around it, and without a Markdown code fence around that."""
    text = text.strip()
    opening, newline, rest = text.partition("\n")
    if not (newline and opening.startswith(_FENCE) and rest.endswith(_FENCE)):
        return text
    return rest.rstrip("`")


def _written(path: list[str | int]) -> str:
    """`items[0].price`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
