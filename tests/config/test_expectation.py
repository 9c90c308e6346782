from __future__ import annotations

import sys

import pytest

from config.effective import effective
from config.model import Config
from config.problems import ConfigError
from config.reader import parse
from probes.ask import Reply, Wrong
from probes.checks import Checks, Contains, Expected, Expression, JsonSchema, Language, Matches, MinTokens, NotRefusal, Printable

HEAD = "targets: {vllm: {backend: vllm, url: http://v}}\nscenarios:\n  beat:\n    every: 15s\n    expect:\n"
WRITTEN: dict[str, Expected] = {
    "contains: hello": Contains("hello"),
    r"matches: (?i)\bhello\b": Matches(Expression(r"(?i)\bhello\b")),
    "json_schema: {type: object, properties: {answer: {const: null}}}": JsonSchema({"type": "object", "properties": {"answer": {"const": None}}}),
    "min_tokens: 20": MinTokens(20),
    "language: 'no'": Language("no"),
    "language: no": Language("no"),
    "printable: true": Printable(),
    "no_refusal: true": NotRefusal(),
    "no_refusal: [no comment, '(?i)ask your bank']": NotRefusal((Expression("no comment"), Expression("(?i)ask your bank"))),
}


def reading(*checks: str) -> Config:
    lines = "".join(f"      check-{number}:\n        {written}\n" for number, written in enumerate(checks))
    return parse(HEAD + lines).config


def only_check(config: Config) -> Expected:
    [expectation] = config.scenarios["beat"].expect.values()
    return expectation.check


@pytest.mark.parametrize("written", WRITTEN)
def test_each_kind(written: str) -> None:
    assert only_check(reading(written)) == WRITTEN[written]


@pytest.mark.parametrize("written", WRITTEN)
def test_is_written_back(written: str) -> None:
    config = reading(written)
    shown = effective(config)
    assert parse(shown).config == config
    assert only_check(parse(shown).config) == WRITTEN[written]


def test_is_written_back_as_it_was_written() -> None:
    shown = effective(reading("no_refusal: true", "no_refusal: [no comment]", "json_schema: {required: [a], enum: [null, 1]}"))
    assert "check-0:\n        no_refusal: true\n" in shown
    assert "check-1:\n        no_refusal:\n        - no comment\n" in shown
    assert "check-2:\n        json_schema:\n          required:\n          - a\n          enum:\n          - null\n          - 1\n" in shown


def test_what_is_written_differently_is_different() -> None:
    assert reading("matches: a+") == reading("matches: a+")
    assert reading("matches: a+") != reading("matches: a*")
    assert reading("json_schema: {type: object}") != reading("json_schema: {type: array}")


def test_the_first_that_is_written_is_looked_at_first() -> None:
    expect = reading("contains: hello", "min_tokens: 3").scenarios["beat"].expect
    checks = Checks({name: expectation.check for name, expectation in expect.items()})
    assert checks(Reply("bye", output_tokens=1)) == Wrong("check-0", "does not contain hello")
    assert checks(Reply("hello", output_tokens=1)) == Wrong("check-1", "has 1 token, fewer than 3")


def test_nothing_is_expected_unless_it_is_written() -> None:
    assert parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}").config.scenarios["beat"].expect == {}


def test_a_language_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)
    with pytest.raises(ConfigError) as refused:
        reading("printable: true", "language: de")
    (line,) = str(refused.value).splitlines()
    assert line.endswith(
        ": scenarios.beat.expect.check-1.language: needs the extra 'language', which is not installed; "
        "install chatprobe[language] in place of chatprobe, build the image with it, or leave the check out"
    )
