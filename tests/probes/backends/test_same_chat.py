"""What is compared is one chat: every engine gets the same text, byte for byte, and all that one gets besides is on a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import backends
from probes.ask import Ask, Message

PAGE = (Path(__file__).parents[3] / "docs" / "definitions.md").read_text(encoding="utf-8")
TURNS = (Message("user", "Ein Wörtchen?"), Message("assistant", "Ja. 👍"), Message("user", "Noch eins?"))
COMMON = {"model", "messages", "stream"}
"""What every chat form has; sampling and length have other names and places in each."""


def ask(nonce: str | None, messages: tuple[Message, ...]) -> Ask:
    return Ask(model="tiny", messages=messages, max_tokens=5, prompt_id="text", nonce=nonce)


@pytest.mark.parametrize("nonce", [None, "a1b2"])
@pytest.mark.parametrize("messages", [TURNS[:1], TURNS])
def test_every_engine_gets_the_same_text(nonce: str | None, messages: tuple[Message, ...]) -> None:
    said = {name: backends.form(name).body(ask(nonce, messages))["messages"] for name in backends.names()}
    first = next(iter(said.values()))
    assert all(each == first for each in said.values()), said


@pytest.mark.parametrize("name", backends.names())
def test_what_an_engine_gets_besides_is_documented_with_what_it_costs(name: str) -> None:
    sampling = {"max_tokens", "temperature", "seed", "options", "stream_options"}
    sent = backends.form(name).body(ask("a1b2", TURNS))
    besides = sent.keys() - COMMON - sampling
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {backends.get(name).title} |") and "chat" in line)
    assert [field for field in besides if f"`{field}`" not in row] == [], row
