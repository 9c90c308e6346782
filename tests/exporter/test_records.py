"""docs/records.md has every key of a record, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from probes.record import PHASES, SCHEMA
from tests.exporter.chats import chat

PAGE = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")


def test_every_key_is_documented_in_its_order() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    documented = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert documented == list(chat().to_json())


def test_what_the_page_says_of_values() -> None:
    assert f"version of this shape: {SCHEMA} |" in PAGE
    assert f"seconds in {', '.join(f'`{phase}`' for phase in PHASES)};" in PAGE
    assert "chunks" not in chat().to_json(chunks=False)
    assert chat(text="Hello").to_json()["text"] is None
