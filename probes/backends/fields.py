"""Reads the fields of an engine's JSON by type, so that whatever an engine sends is either understood or a
`FrameError`.

JSON is read as the `openai` package reads it: `NaN` and half of a surrogate pair are no reason to give up an answer.
"""

from __future__ import annotations

import json

import orjson

from probes.backends.base import FrameError

MOST_TOKENS = 10_000_000
LONGEST_SECONDS = 1e6
LONGEST_NAME = 256
_BEYOND_LENGTHS = 2**53

JsonObject = dict[str, object]


def parse(data: bytes) -> object:
    """The JSON value that `data` holds. Raises `FrameError`, with what is there instead."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FrameError(f"not UTF-8: {data.decode(errors='replace')}") from None
    except (ValueError, RecursionError):
        raise FrameError(f"not JSON: {data.decode()}") from None


def parse_object(data: bytes) -> JsonObject:
    """The JSON object that `data` holds."""
    return as_object(parse(data), "the frame")


def as_text(value: object) -> str:
    """A value as JSON, for people; "" where it is nested too deeply to be written."""
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return ""


def as_object(value: object, name: str) -> JsonObject:
    if not isinstance(value, dict):
        raise FrameError(f"{name} is not an object: {as_text(value)}")
    return value


def as_list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise FrameError(f"{name} is not a list")
    return value


def text(fields: JsonObject, name: str) -> str:
    """A field of text; "" where it is absent or null."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FrameError(f"{name} is not text")
    return value


def count(fields: JsonObject, name: str) -> int | None:
    """A number of tokens, as a whole number, a float or text. None where there is none, or one that no answer can have:
    no chat fails by its counts.
    """
    value = fields.get(name)
    if value is None or (type(value) is int and 0 <= value <= MOST_TOKENS):
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    # True is an int to isinstance, and NaN lies between no bounds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value)


def length(fields: JsonObject, name: str) -> int | None:
    """How many tokens there may be; None for what is no such number, which is as good as not told."""
    value = fields.get(name)
    return value if type(value) is int and 0 < value < _BEYOND_LENGTHS else None


def seconds(fields: JsonObject, name: str, per_second: float) -> float | None:
    """A duration in seconds; `per_second` is how many of the field's units make one.

    None for what is no duration: durations are additional, and no chat fails by them.
    """
    value = fields.get(name)
    # the bound keeps out NaN, infinity, and what no float can hold
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS * per_second:
        return None
    return value / per_second


def only_name(names: tuple[str, ...], otherwise: str) -> str:
    """The only one of the names; `otherwise` where there are several, or none."""
    return names[0] if len(names) == 1 else otherwise


def proper_name(name: str) -> bool:
    """Whether the name can be a label that people read: printable, and no longer than `LONGEST_NAME` characters."""
    return len(name) <= LONGEST_NAME and name.isprintable()
