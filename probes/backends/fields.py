"""Reads the fields of an engine's JSON by type, so that whatever an engine sends is either understood or a `FrameError`."""

from __future__ import annotations

import orjson

from probes.backends.base import FrameError

MOST_TOKENS = 10_000_000
LONGEST_NAME = 256
_BEYOND_LENGTHS = 2**53

JsonObject = dict[str, object]


def parse_object(data: bytes) -> JsonObject:
    """The JSON object that `data` holds."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise FrameError(f"not JSON: {error}") from None
    return as_object(value, "the frame")


def as_object(value: object, name: str) -> JsonObject:
    if not isinstance(value, dict):
        raise FrameError(f"{name} is not an object")
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
    """A number of tokens; None where it is absent or null. One beyond every context there is says that the count is none."""
    value = fields.get(name)
    # The exact type: True is an int to isinstance.
    if value is None or (type(value) is int and 0 <= value <= MOST_TOKENS):
        return value
    raise FrameError(f"{name} is not a count")


def length(fields: JsonObject, name: str) -> int | None:
    """How many tokens there may be; None for what is no such number, which is as good as not told."""
    value = fields.get(name)
    return value if type(value) is int and 0 < value < _BEYOND_LENGTHS else None


def seconds(fields: JsonObject, name: str, per_second: float) -> float | None:
    """A duration of which `per_second` make a second. None where it is no such number: durations are additional, no chat fails by them."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return value / per_second


def tool_text(calls: object) -> bool:
    """Whether a message's `tool_calls` carry text: a function's name or a piece of its arguments."""
    if calls is None:
        return False
    found = False
    for call in as_list(calls, "tool_calls"):
        function = as_object(call, "a tool call").get("function")
        if function is not None:
            fields = as_object(function, "a tool call's function")
            found = found or bool(fields.get("name") or fields.get("arguments"))
    return found


def names(body: bytes, listing: str, name: str) -> tuple[str, ...]:
    """The field `name` of each object in the list `listing`. They become labels of metrics, so that each must be a `proper_name`."""
    found = tuple(text(as_object(entry, "a model"), name) for entry in as_list(parse_object(body).get(listing), listing))
    if not all(map(proper_name, found)):
        raise FrameError(f"a model's {name} is too long, or not printable")
    return found


def proper_name(name: str) -> bool:
    """Whether it can stand where people read it: printable, and no longer than `LONGEST_NAME` characters."""
    return len(name) <= LONGEST_NAME and name.isprintable()
