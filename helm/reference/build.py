"""Everything that is made of the charts' values, by the file that it belongs in."""

from __future__ import annotations

from pathlib import Path

import yaml

from helm.reference import page, schema
from helm.reference.values import read

HELM = Path(__file__).parents[1]


def charts() -> list[Path]:
    """The folders of the charts that one can install: not those of libraries."""
    return sorted(file.parent for file in HELM.glob("*/Chart.yaml") if yaml.load(file.read_text(), yaml.CSafeLoader).get("type") != "library")


def build() -> dict[Path, str]:
    """The text of each file. Raises `ValuesError` and `PageError`."""
    found = {}
    for chart in charts():
        values = read((chart / "values.yaml").read_text())
        needed = yaml.load((chart / "Chart.yaml").read_text(), yaml.CSafeLoader).get("dependencies", [])
        subcharts = tuple(each.get("alias", each["name"]) for each in needed)
        found[chart / "values.schema.json"] = schema.schema(values, subcharts=subcharts)
        found[chart / "README.md"] = page.page((chart / "README.md").read_text(), values)
    return found
