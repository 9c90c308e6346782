"""What pydantic found, in an operator's words. Values are not repeated: the place tells them, and they may be secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from config.base import Section
from config.expectation import Expectation
from config.places import Value
from config.problems import KeyPath
from config.quantities import EMPTY
from config.rules import suggestion
from config.sections import EXAMPLES, SECTIONS, keys, pattern_of

_WANTED = {
    "string_type": "text belongs; write it, in quotes if it looks like something else",
    "int_type": "a whole number belongs; write digits alone, like 64 or 1000000, without quotes",
    "float_type": "a number belongs; write digits alone, like 2 or 0.5, without quotes",
    "bool_type": "true or false belongs; write one of them, without quotes",
    "tuple_type": "a list belongs; write [FIRST, SECOND]",
    "mapping_type": "a map belongs; write NAME: {KEY: VALUE}",
    "dict_type": "a map belongs; write NAME: {KEY: VALUE}",
    "model_type": "a map belongs; write {KEY: VALUE}",
}


def in_words(error: ErrorDetails, written: Value, sections: Mapping[tuple[str, ...], type[Section]] = SECTIONS) -> str:
    """An error's text. `written` is the value that it is about, or for a key that is missing, the section that lacks it.

    `sections` are those of the file that it stands in, by their path.
    """
    kind, path, context = error["type"], error["loc"], error.get("ctx", {})
    pattern = pattern_of(path)
    if pattern[-1:] == ("api_key",) and kind == "model_type":
        return "does not take the key itself; write {file: PATH} or {env: NAME}, and change the key if it was shown to anybody"
    if pattern == ("web", "tokens", "*") and kind == "model_type":
        return "does not take the token itself; write {file: PATH} or {env: NAME}, and change the token if it was shown to anybody"
    if pattern[:3] == ("scenarios", "*", "expect") and path[3:] in [(key,) for key in keys(Expectation)] and kind == "model_type":
        return "is no check; write the check's name first, like greets: {contains: hello}"
    if kind in _WANTED:
        return f"is {_kind(written.content)}, where {_WANTED[kind]}"
    match kind:
        case "finding":
            return str(context["text"])
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"is missing; write {EXAMPLES[pattern]}"
        case "extra_forbidden" if pattern[2:3] == ("api_key",):
            return "takes the keys file and env only; write {file: PATH} or {env: NAME}"
        case "extra_forbidden":
            return unknown_key(path, sections)
        case "literal_error":
            return f"is no value of this key; write {_unquoted(context['expected'])}"
        case "greater_than_equal":
            return f"is too small; write {context['ge']} or more"
        case "less_than_equal":
            return f"is too large; write {context['le']} or less"
        case "string_too_short":
            return EMPTY
        case "too_short":
            return "is empty; add at least one"
    raise AssertionError(f"no words for {kind}")


def unknown_key(path: KeyPath, sections: Mapping[tuple[str, ...], type[Section]] = SECTIONS) -> str:
    """What to write instead of a key that there is not."""
    known = keys(sections[pattern_of(path[:-1])])
    return f"is no key here; {suggestion(str(path[-1]), known) if known else 'write {}, there are none'}"


def consequences(errors: Iterable[ErrorDetails]) -> set[KeyPath]:
    """Paths of keys that are missing only because another key of their section was misspelt."""
    misspelt: dict[KeyPath, list[str]] = {}
    missing: list[KeyPath] = []
    for error in errors:
        path = error["loc"]
        if error["type"] == "extra_forbidden":
            misspelt.setdefault(path[:-1], []).append(unknown_key(path))
        elif error["type"] == "missing":
            missing.append(path)
    return {path for path in missing if any(text.endswith(f"did you mean {path[-1]}?") for text in misspelt.get(path[:-1], ()))}


def _kind(content: Any) -> str:
    match content:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "a map"


def _unquoted(expected: str) -> str:
    return expected.replace("'", "")
