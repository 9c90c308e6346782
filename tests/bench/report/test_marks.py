"""How targets are told apart."""

from __future__ import annotations

from bench.report.marks import marks
from catalogue.look import UNKNOWN


def test_an_engine_has_its_colour_and_its_shape() -> None:
    found = marks({"a": "vllm", "b": "tgi", "c": "ollama"})
    assert [(mark.colour, mark.symbol, mark.dash, mark.pattern) for mark in found.values()] == [
        ("#0067a8", "circle", "solid", ""),
        ("#007a58", "square", "solid", ""),
        ("#b04b00", "triangle-up", "solid", ""),
    ]


def test_several_targets_of_one_engine_differ_in_all_but_colour() -> None:
    found = list(marks(dict.fromkeys("abcde", "vllm")).values())
    assert {mark.colour for mark in found} == {"#0067a8"}
    assert len({mark.dash for mark in found}) == len({mark.pattern for mark in found}) == 5


def test_engines_without_a_colour_share_one_and_are_told_apart_all_the_same() -> None:
    found = marks({"a": "openai", "b": "nobody knows"})
    assert {mark.colour for mark in found.values()} == {UNKNOWN.light}
    assert found["a"].dash != found["b"].dash


def test_a_faint_colour_is_the_same_one() -> None:
    assert marks({"a": "vllm"})["a"].faint("1a") == "#0067a81a"
