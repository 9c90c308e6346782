"""The pages on results say what is written."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from bench.chat import Place
from bench.results.manifest import About, Manifest, State
from tests.bench.results.runs import written

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")
BY_COMMANDS = {"charts/", "report.html", "report.pdf"}
"""What a run has only when somebody asks for it."""


def first_cells(head: str) -> list[str]:
    """What stands as code in the first cells of the table with this head."""
    table = PAGE.split(f"| {head} |")[1].split("\n\n")[0]
    return [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_every_key_of_the_manifest_in_its_order() -> None:
    assert first_cells("Key | Meaning") == [field.name for field in fields(Manifest)]


def test_every_key_of_what_was_known_before() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `about`"))
    assert set(re.findall(r"`(\w+)`", row)) == {"about", *(field.name for field in fields(About))}


def test_every_state() -> None:
    assert sorted(first_cells("State | Meaning")) == sorted(State)


def test_every_file_at_the_top(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    there = {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}
    assert {*there, "trace-1.json", *BY_COMMANDS} == set(first_cells("File | What is in it | Written"))


def test_the_keys_of_a_place() -> None:
    section = (DOCS / "records.md").read_text(encoding="utf-8").split("## Records of benchmark runs")[1]
    for key in ("cut", "bench", *Place("a", 1, 1, 0.0, False).to_json()):
        assert f"`{key}`" in section
