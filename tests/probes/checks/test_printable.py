from __future__ import annotations

import pytest

from probes.ask import Reply
from probes.checks import Printable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text.\r\n\tAnd more.\u00a0So.",
        "Paris, München, 東京, 👩\u200d👩\u200d👧 family, می\u200cخواهم",
        "x" * 95 + "\x00" * 5,
        "one \ufffd that was cut in two",
    ],
    ids=["empty", "white space", "joiners", "five in a hundred", "one replacement"],
)
def test_text(text: str) -> None:
    assert Printable().wrong(Reply(text)) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x" * 94 + "\x00" * 6, "holds 6 characters of 100 that cannot be printed"),
        ("\x1b\x07\x00", "holds 3 characters of 3 that cannot be printed"),
        ("\ue000\U000f0000\u0378 ", "holds 3 characters of 4 that cannot be printed"),
        ("\ud800", "holds 1 characters of 1 that cannot be printed"),
        ("a long and good answer, but for \ufffd\ufffd its middle" * 10, "holds bytes that are no text"),
        ("\ufffd a \ufffd b", "holds 2 characters of 7 that cannot be printed"),
    ],
    ids=["six in a hundred", "control", "private and unassigned", "surrogate", "undecodable", "many replacements"],
)
def test_no_text(text: str, wrong: str) -> None:
    assert Printable().wrong(Reply(text)) == wrong
