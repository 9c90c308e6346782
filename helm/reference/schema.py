"""A chart's `values.schema.json`: no key that is not in its `values.yaml`."""

from __future__ import annotations

import json
from typing import Any

from helm.reference import kinds
from helm.reference.kubernetes import definitions
from helm.reference.values import Section, Value


def schema(values: Section, *, subcharts: tuple[str, ...]) -> str:
    """The schema as JSON. `global` is there for every chart, and the values of subcharts are their own schemas' to judge."""
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", **_of(values)}
    whole["properties"].setdefault("global", {"type": "object"})
    for name in subcharts:
        whole["properties"].setdefault(name, {"type": "object"})
    if found := definitions(whole["properties"]):
        whole["definitions"] = found
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _of(part: Section | Value) -> dict[str, Any]:
    described = {"description": part.text} if part.text else {}
    if isinstance(part, Value):
        return {**described, **kinds.schema(part.kind)}
    properties = {each.path[-1]: _of(each) for each in part.parts}
    return {**described, "type": "object", "additionalProperties": part.open, "properties": properties}
