"""Variables in texts and queries: `$name`, `${name}`, `${name:format}`, `[[name]]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?[^}]*\}|\[\[(\w+)[^\]]*\]\]")
_QUOTED_OR_VARIABLE = re.compile(rf'"(?:[^"\\]|\\.)*"|{VARIABLE.pattern}')


def used(text: str) -> Iterator[str]:
    """The names of the variables in a text, each as often as it is there."""
    return (_name(found) for found in VARIABLE.finditer(text))


def filled(text: str, values: Mapping[str, str], shown: Mapping[str, str] | None = None) -> str:
    """The text with these values; `shown` are those of `${name:text}`. Variables that have none stay."""
    return VARIABLE.sub(_value(values, shown or {}), text)


def filled_outside_quotes(expr: str, values: Mapping[str, str]) -> str:
    """A query with these values where they must be values; within quotes a variable stays, as any text may stand there."""
    value = _value(values, {})
    return _QUOTED_OR_VARIABLE.sub(lambda found: found[0] if found[0].startswith('"') else value(found), expr)


def _value(values: Mapping[str, str], shown: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def value(found: re.Match[str]) -> str:
        wanted = shown if found[3] == "text" else values
        return wanted.get(_name(found), found[0])

    return value


def _name(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[4]
