"""What Kubernetes takes as a part of a pod, as JSON schema: its own, of the newest version that `kubernetes-validate` brings, unknown keys refused.

What its API server checks beyond the schema, and is easily written wrongly, is narrowed here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import kubernetes_validate

Schema = dict[str, Any]

QUANTITY = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
"""Source: k8s.io/apimachinery/pkg/api/resource/quantity.go, without negative ones, which no resource can be."""

PARTS = (
    "Affinity",
    "EnvFromSource",
    "EnvVar",
    "PodSecurityContext",
    "Probe",
    "ResourceRequirements",
    "SecurityContext",
    "Toleration",
    "TopologySpreadConstraint",
    "VolumeMount",
)
"""Volumes are not among them: their schema is larger than all of these together."""

_CORE = "io.k8s.api.core.v1"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_LEFT_OUT = ("description", "format", "default")
_AT_LEAST_ONE: Schema = {"type": "integer", "minimum": 1}
_NARROWED: dict[str, dict[str, Schema]] = {
    f"{_CORE}.Toleration": {
        "effect": {"enum": ["", "NoSchedule", "PreferNoSchedule", "NoExecute"]},
        "operator": {"enum": ["", "Exists", "Equal", "Lt", "Gt"]},
    },
    f"{_CORE}.Probe": {
        "initialDelaySeconds": {"type": "integer", "minimum": 0},
        **dict.fromkeys(("periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold", "terminationGracePeriodSeconds"), _AT_LEAST_ONE),
    },
}
"""Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go."""


def reference(part: str) -> Schema:
    """Refers to a part among the definitions."""
    return {"$ref": f"#/definitions/{_CORE}.{part}"}


def definitions(of: object) -> Schema:
    """All definitions that a schema refers to, and those that these refer to."""
    found: Schema = {}
    waiting = [*_referred(of)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _definition(name)
            waiting += _referred(found[name])
    return dict(sorted(found.items()))


def _definition(name: str) -> Schema:
    if name == _QUANTITY:
        return {"anyOf": [{"type": "string", "pattern": QUANTITY}, {"type": "number", "minimum": 0}]}
    whole: Schema = _bare(_of_kubernetes()[name])
    if name in _NARROWED:
        whole["properties"] |= _NARROWED[name]
    return whole


@functools.cache
def _of_kubernetes() -> Schema:
    version = kubernetes_validate.latest_version()
    file = resources.files(kubernetes_validate) / "kubernetes-json-schema" / f"v{version}-local-strict" / "_definitions.json"
    found: Schema = json.loads(file.read_text())["$defs"]
    return found


def _bare(part: Any) -> Any:
    """A part of a schema without what does not judge."""
    if isinstance(part, list):
        return [_bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {"$ref": f"#/definitions/{part['$ref'].rpartition('/')[2]}"}
    return {
        key: {name: _bare(each) for name, each in value.items()} if key == "properties" else _bare(value)
        for key, value in part.items()
        if key not in _LEFT_OUT and not key.startswith("x-")
    }


def _referred(part: object) -> Iterator[str]:
    """The names of the definitions that a part of a schema refers to."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for each in part.values():
            yield from _referred(each)
    elif isinstance(part, list):
        for each in part:
            yield from _referred(each)
