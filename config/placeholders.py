"""Places for variables, as shells and other tools fill them in: here nobody does, and a value with one in it is not what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from config.problems import KeyPath
from config.rules import Finding

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?[-=?+][^}]*)?\}|\$\(([A-Za-z_][A-Za-z0-9_]*)\)", re.ASCII)
_TEXTS = ("prompt", "expect")
"""Keys of a scenario that hold words for, and of, a model: there anything may be meant."""


def placeholders(data: Any, path: KeyPath = ()) -> Iterator[Finding]:
    """Every value that holds one; of its text, only the variable's name is repeated."""
    if len(path) == 3 and path[0] == "scenarios" and path[2] in _TEXTS:
        return
    match data:
        case dict():
            for key, value in data.items():
                yield from placeholders(value, (*path, key))
        case list():
            for index, value in enumerate(data):
                yield from placeholders(value, (*path, index))
        case str() if found := _PLACE.search(data):
            yield path, _words(found[1] or found[2], path)


def _words(variable: str, path: KeyPath) -> str:
    remedy = "write the value itself, or fill it in before (envsubst, Helm)"
    if "api_key" in path:
        remedy = f"write api_key: {{env: {variable}}}"
    elif path[:2] == ("web", "tokens"):
        remedy = f"write {{env: {variable}}}"
    elif "headers" in path:
        remedy = f"for a bearer key write api_key: {{env: {variable}}}; else fill it in before (envsubst, Helm)"
    return f"holds a place for the variable {variable}, which is not expanded here; {remedy}"
