"""Custom resource definitions, by which objects for Kubernetes are checked as an API server checks them, and more strictly."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = Path(__file__).parent / "data" / "crds"


def schema(plural: str) -> dict[str, Any]:
    """The JSON schema of an object by its resource, like `prometheusrules`. It takes no key that is not in the definition."""
    (file,) = FOLDER.glob(f"*_{plural}.json")
    (version,) = (version for version in json.loads(file.read_text())["spec"]["versions"] if version["storage"])
    whole: dict[str, Any] = closed(version["schema"]["openAPIV3Schema"])
    whole["properties"]["metadata"] = {"type": "object"}
    return whole


def problems(plural: str, built: object) -> Iterator[str]:
    """What is wrong with an object."""
    for error in _validator(plural).iter_errors(built):
        yield f"{'.'.join(map(str, error.instance_path))}: {error.message}"


@functools.cache
def _validator(plural: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema(plural))


def closed(part: Any) -> Any:
    """A part of a schema as a JSON schema that takes no other keys: an API server drops them without a word."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: closed(value) for key, value in part.items() if value is not None}  # that of Routes has an empty `anyOf`
    named = part.get("properties")
    if part.get("type") == "object" and isinstance(named, dict) and not part.get("x-kubernetes-preserve-unknown-fields"):
        found["additionalProperties"] = False
    if part.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    return found
