"""The kinds of values: what each takes, as JSON schema. A kind is one of these names, a literal, or several of both with `|` between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from helm.reference.kubernetes import PARTS, reference

Schema = dict[str, Any]

_NAME = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_WAYS = ("route", "ingress", "nodeport", "service")

KINDS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "name": {"type": "string", "pattern": f"^({_NAME})?$", "maxLength": 253},
    "names": {"type": "array", "items": {"type": "string", "pattern": f"^{_NAME}$", "maxLength": 253}},
    "key": {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$", "maxLength": 253},
    "int": {"type": "integer", "minimum": 0},
    "count": {"type": "integer", "minimum": 1},
    "port": {"type": "integer", "minimum": 1024, "maximum": 65535},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$", "allOf": [{"pattern": "[1-9]"}]},
    "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "duration": {
        "type": "string",
        "pattern": "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
        "allOf": [{"pattern": "[1-9]"}],
    },
    "timeout": {"type": "string", "pattern": "^[1-9][0-9]*(us|ms|s|m|h|d)?$"},
    "span": {"type": "string", "pattern": r"^(-?[0-9]+|-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+)$"},
    "cluster": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "namespaces": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}},
            "selector": {"type": "string"},
            "prefer": {"type": "array", "items": {"enum": [*_WAYS]}, "minItems": 1, "uniqueItems": True},
            "probe": {"enum": ["best", "both"]},
            "cluster_domain": {"type": "string"},
            "loopback": {"type": "boolean"},
            "kubeconfig": {"type": "string"},
            "context": {"type": "string"},
        },
    },
    "strings": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "null": {"type": "null"},
    **{part: reference(part) for part in PARTS},
    **{f"{part}[]": {"type": "array", "items": reference(part)} for part in PARTS},
}
"""`name` may be empty. `object` and `objects` go into the manifest as they are, so that Kubernetes judges them. `map` has texts for values.

`duration` is as Prometheus has it, `timeout` as HAProxy, `span` as Go (or seconds). `cluster` is `discovery.kubernetes` of chatprobe's configuration.
A part of a pod is as Kubernetes has it.
"""


def schema(kind: str) -> Schema:
    """The schema of a kind, like `int|null` or `auto|true|false`."""
    parts = kind.split("|")
    literals = [yaml.safe_load(part) for part in parts if part not in KINDS]
    found = [KINDS[part] for part in parts if part in KINDS]
    if literals:
        found.append({"enum": literals})
    return dict(found[0]) if len(found) == 1 else {"anyOf": found}
