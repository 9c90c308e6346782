"""docs/dependencies.md has a row for each dependency, and what is installed at run time is what the program imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from probes.extras import LIBRARIES
from tests.docs.pages import ROOT, Page
from tests.test_rooms import imports

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
ROOMS: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
PAGE = Page(ROOT / "docs" / "dependencies.md")
MODULES = {
    "backports.zstd": "backports",
    "prometheus-client": "prometheus_client",
    "protobuf": "google",
    "promql-parser": "promql_parser",
    "pyyaml": "yaml",
    "jsonschema-rs": "jsonschema_rs",
}
"""What is imported under another name than it is installed by."""
NEVER_IMPORTED = {"tzdata", "ipykernel", "nbclient", "nbformat"}
"""Data that the standard library finds, and what runs a notebook that imports us."""
OF_THESE = {"pydantic_core": "pydantic", "compression": "backports", "markupsafe": "jinja2"}
"""Modules that belong to another package's interface, or stand for it in a newer Python."""


def names(requirements: list[str]) -> list[str]:
    return [Requirement(each).name for each in requirements if Requirement(each).name != PROJECT["project"]["name"]]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    below = PAGE.text.split(f"## {heading}\n")[1]
    table = re.search(r"\n(\|.*?)\n\n", f"{below}\n\n", re.DOTALL)
    assert table is not None
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table[1].splitlines()[2:]]


def listed(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(("heading", "requirements"), [("Run time", NEEDED), ("Development", EXTRAS["dev"])])
def test_each_has_a_row_that_says_what_for_and_what_was_considered(heading: str, requirements: list[str]) -> None:
    assert [name for row in rows(heading) for name in listed(row[0])] == names(requirements)
    assert [row for row in rows(heading) if len(row) != 3 or not all(row)] == []


def test_each_extra_has_its_rows() -> None:
    found = [(listed(row[0]), listed(row[1])) for row in rows("Extras")]
    assert found == [([extra], [name]) for extra, requirements in EXTRAS.items() if extra != "dev" for name in names(requirements)]


def test_the_program_imports_what_it_installs_and_nothing_else() -> None:
    imported = {
        name.partition(".")[0] for room in ROOMS for file in (ROOT / room).rglob("*.py") for name in imports(ast.parse(Path(file).read_bytes()))
    }
    others = {OF_THESE.get(name, name) for name in imported - sys.stdlib_module_names - set(ROOMS)}
    assert others == ({MODULES.get(name, name) for name in names(NEEDED)} | {*chain(*LIBRARIES.values())}) - NEVER_IMPORTED
