"""Pieces of an answer."""

from __future__ import annotations

from probes.piece import joined


def test_halves_of_a_character_are_put_together() -> None:
    assert joined(["a\ud83d", "\ude42b"]) == "a🙂b"
    assert joined(["a\ud83d"]) == "a\ufffd"
