"""The kinds of values: what each takes, as JSON schema. A kind is one of these names, a literal, or several of both with `|` between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Schema = dict[str, Any]

_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"

KINDS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "name": {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", "maxLength": 253},
    "int": {"type": "integer", "minimum": 0},
    "port": {"type": "integer", "minimum": 1024, "maximum": 65535},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "quantity": {"type": "string", "pattern": _QUANTITY},
    "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "duration": {"type": "string", "pattern": "^[0-9]+(us|ms|s|m|h|d)$"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "null": {"type": "null"},
}
"""`name` may be empty. `object` and `objects` go into the manifest as they are, so that Kubernetes judges them. `map` has texts for values."""


def schema(kind: str) -> Schema:
    """The schema of a kind, like `int|null` or `auto|true|false`."""
    parts = kind.split("|")
    literals = [yaml.safe_load(part) for part in parts if part not in KINDS]
    found = [KINDS[part] for part in parts if part in KINDS]
    if literals:
        found.append({"enum": literals})
    return dict(found[0]) if len(found) == 1 else {"anyOf": found}
