from __future__ import annotations

from probes.wording import shortened


def test_one_short_printable_line() -> None:
    assert shortened("two\r\n\tlines\x00\x1b[31m and\u2028more ") == "two lines [31m and more"
    assert shortened("x" * 300) == "x" * 199 + "…"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"
