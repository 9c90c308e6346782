"""Keys that had another name before."""

from __future__ import annotations

from config.effective import effective
from config.reader import parse

TEXT = "targets: {v: {backend: openai, url: http://v}}\nscenarios: {beat: {every: 15s}}\nnative: {series_per_target: 500}\n"


def test_a_name_of_before_is_read_and_told_where_it_stands() -> None:
    loaded = parse(TEXT)
    assert loaded.config.native.series_per_replica == 500
    [warning] = loaded.warnings
    assert str(warning) == (
        "chatprobe.yaml:3:29: native.series_per_target: is called series_per_replica now, "
        "and each replica of a target has as many for itself; write that"
    )


def test_what_is_in_force_is_shown_under_the_name_of_now() -> None:
    shown = effective(parse(TEXT).config)
    assert "series_per_replica: 500\n" in shown
    assert "series_per_target" not in shown
    assert parse(shown).warnings == ()
