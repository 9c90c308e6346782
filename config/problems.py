"""What is wrong with a configuration, said in lines that an editor can jump to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from config.rules import OURS

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of the configuration down to a value."""

_SHOWN_BELOW: dict[str | int, Set[str]] = {"headers": OURS | {"authorization"}, "api_key": {"file", "env"}}
_RECEIVERS = ("alerts", "notify", "receivers")
_SHOWN_BELOW_RECEIVERS = frozenset({"channel", "to", "from", "smarthost", "auth_username", "url", "api_url", "project", "issue_type", "username"})
_TOKENS = ("web", "tokens")
_SHOWN_BELOW_TOKENS = frozenset({"file", "env", "role"})
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1 and are None where the file itself is the problem.

    `path` is empty where it is not about one key; `text` has the form "what is wrong; what would be right" and holds no secret.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    text: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.text}" if self.path else f"{where}: {self.text}"


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has a line for each of `problems`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def write_path(path: KeyPath) -> str:
    """A path as people write it: `scenarios.chat.targets[1]`.

    A key that is no plain word becomes `*`, and what stands below `headers`, `api_key`, a token and a receiver of alerts is left out unless it is a
    name that everybody knows: a secret that was put in the place of a key must not be shown.
    """
    written = ""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            written += f"[{part}]"
        elif _may_be_a_secret(path, depth):
            break
        else:
            written += ("." if written else "") + (part if _PLAIN.fullmatch(part) else "*")
    return written


def _may_be_a_secret(path: KeyPath, depth: int) -> bool:
    key = str(path[depth])
    if depth == 4 and path[:3] == _RECEIVERS:
        return key not in _SHOWN_BELOW_RECEIVERS
    if depth == 3 and path[:2] == _TOKENS:
        return key not in _SHOWN_BELOW_TOKENS
    return depth == 3 and path[2] in _SHOWN_BELOW and key.lower() not in _SHOWN_BELOW[path[2]]
