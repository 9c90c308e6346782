"""The configuration that is in force, as YAML, every default filled in and every secret hidden."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import SecretStr

from config.model import Config

HIDDEN = "<secret>"


def effective(config: Config) -> str:
    """YAML that reads back as the same configuration, but for header values, which are `<secret>`."""
    return yaml.safe_dump(_plain(config.model_dump(by_alias=True)), sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return HIDDEN
        case dict():
            return {key: entry if key == "json_schema" else _plain(entry) for key, entry in value.items() if entry is not None}
        case tuple() | list():
            return [_plain(entry) for entry in value]
    return value
