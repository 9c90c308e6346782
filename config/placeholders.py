"""Places for variables, as shells and other tools fill them in: here nobody does, and a value with one in it is not what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from config.problems import KeyPath
from config.rules import Finding

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACES = (
    re.compile(rf"\$\{{(?:env:)?({_NAME})(?::?[-=?+][^}}]*)?\}}|\$\(({_NAME})\)", re.ASCII),
    # without braces only as shells' variables are mostly written, and not inside a word: a secret may hold a $
    re.compile(r"(?<![A-Za-z0-9$])\$([A-Z_][A-Z0-9_]{2,})(?![A-Za-z0-9])", re.ASCII),
    # as LiteLLM has them
    re.compile(rf"\bos\.environ/({_NAME})", re.ASCII),
    # as Windows has them
    re.compile(r"(?<![A-Za-z0-9%])%([A-Z_][A-Z0-9_]{2,})%(?![A-Za-z0-9])", re.ASCII),
)
_TEMPLATE = re.compile(rf"\{{\{{[^A-Za-z_}}]*({_NAME}(?:\.{_NAME})*)[^}}]*\}}\}}", re.ASCII)
"""As Helm, Jinja and GitHub have them."""
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
        case str() if variable := _variable(data, path):
            yield path, _words(variable, path)


def _variable(text: str, path: KeyPath) -> str | None:
    """The name in the first place of a text. Elsewhere than in a target and in URLs templates may be meant, and in what is laid over requests too."""
    plain = (path[:1] == ("targets",) and "extra_body" not in path) or str(*path[-1:]).endswith("url")
    patterns = (*_PLACES, _TEMPLATE) if plain else _PLACES
    found = next((found for pattern in patterns if (found := pattern.search(text))), None)
    return None if found is None else next(filter(None, found.groups()))


def _words(variable: str, path: KeyPath) -> str:
    remedy = "write the value itself, or fill it in before (envsubst, Helm)"
    if "api_key" in path:
        remedy = f"write api_key: {{env: {variable}}}"
    elif path[:2] == ("web", "tokens"):
        remedy = f"write {{env: {variable}}}"
    elif "headers" in path:
        remedy = f"for a bearer key write api_key: {{env: {variable}}}; else fill it in before (envsubst, Helm)"
    return f"holds a place for the variable {variable}, which is not expanded here; {remedy}"
