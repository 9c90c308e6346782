"""The configuration that is in force, as YAML, every default filled in and every secret hidden."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import SecretStr

from config.model import Config
from config.places import PLAIN_TYPES
from probes.hiding import HIDDEN


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that our reader, or one of YAML 1.1, would take for something else."""


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """U+0085 is read as the line break that it is, and becomes another one, unless it is escaped."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


_Dumper.add_representer(str, _write_text)
for _tag, _pattern, _first in PLAIN_TYPES:
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)


def effective(config: Config) -> str:
    """YAML that reads back as the same configuration, but for header values, which are `<secret>`."""
    return yaml.dump(_plain(config.model_dump(by_alias=True), ()), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    match value:
        case SecretStr():
            return HIDDEN
        case dict() if not _is_as_written(path):
            return {key: _plain(entry, (*path, key)) for key, entry in value.items() if entry is not None}
        case tuple() | list() if not _is_as_written(path):
            return [_plain(entry, path) for entry in value]
    return value


def _is_as_written(path: tuple[str, ...]) -> bool:
    """Whether this is JSON, a schema or a part of a request, which stays as it was written: null means something there."""
    return (len(path) == 5 and path[0] == "scenarios" and path[2] == "expect" and path[4] == "json_schema") or (
        len(path) == 3 and path[0] == "targets" and path[2] == "extra_body"
    )
