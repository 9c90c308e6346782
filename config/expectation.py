"""What an operator expects of a scenario's answers: one check under each name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from config.base import Section
from config.rules import Finding, as_error, refuse
from probes.checks import LANGUAGES, Contains, Expected, Expression, JsonSchema, Language, Matches, MinTokens, NotRefusal, Printable, SchemaError
from probes.extras import missing

_MOST_EXPRESSIONS = 20
_MOST_TOKENS = 100_000


def _text(written: object, example: str) -> str:
    if not isinstance(written, str) or not written:
        raise ValueError(f"is no text; write it, in quotes if it looks like something else, like {example}")
    return written


def _read_contains(written: object) -> Contains:
    return written if isinstance(written, Contains) else Contains(_text(written, "hello"))


def _read_matches(written: object) -> Matches:
    return written if isinstance(written, Matches) else Matches(Expression(_text(written, "'(?i)\\bhello\\b'")))


def _read_schema(written: object) -> JsonSchema:
    if isinstance(written, JsonSchema):
        return written
    if not isinstance(written, Mapping):
        raise ValueError("is no JSON Schema; write a map like {type: object, required: [answer]}")
    try:
        return JsonSchema(written)
    except SchemaError as error:
        raise as_error([(error.place, str(error))]) from None


def _read_count(written: object) -> MinTokens:
    if isinstance(written, MinTokens):
        return written
    if not isinstance(written, int) or isinstance(written, bool) or not 1 <= written <= _MOST_TOKENS:
        raise ValueError(f"is no number of tokens; write a whole number from 1 to {_MOST_TOKENS}")
    return MinTokens(written)


def _read_language(written: object) -> Language:
    if isinstance(written, Language):
        return written
    if written not in LANGUAGES:
        raise ValueError(f"is no language that can be told; write one of {', '.join(LANGUAGES)}")
    if remedy := missing("language"):
        raise ValueError(f"needs {remedy}, build the image with it, or leave the check out")
    return Language(str(written))


def _read_printable(written: object) -> Printable:
    if not isinstance(written, Printable) and written is not True:
        raise ValueError("can only be true; write true, or leave the check out")
    return Printable()


def _read_refusal(written: object) -> NotRefusal:
    if isinstance(written, NotRefusal):
        return written
    if written is True:
        return NotRefusal()
    if not isinstance(written, list | tuple) or not 1 <= len(written) <= _MOST_EXPRESSIONS:
        raise ValueError(f"is no way to tell a refusal; write true, or a list of at most {_MOST_EXPRESSIONS} regular expressions")
    expressions: list[Expression] = []
    findings: list[Finding] = []
    for index, entry in enumerate(written):
        try:
            expressions.append(Expression(_text(entry, "'(?i)no comment'")))
        except ValueError as error:
            findings.append(((index,), str(error)))
    refuse(findings)
    return NotRefusal(tuple(expressions))


def _write_refusal(check: NotRefusal) -> bool | list[str]:
    return True if check == NotRefusal() else [expression.written for expression in check.expressions]


class Expectation(Section):
    """One thing that is expected of every answer of a scenario."""

    contains: Annotated[Contains, PlainValidator(_read_contains), PlainSerializer(lambda check: check.text)] | None = Field(
        default=None, description="this text, in the same letters"
    )
    matches: Annotated[Matches, PlainValidator(_read_matches), PlainSerializer(lambda check: check.expression.written)] | None = Field(
        default=None, description="a match of this regular expression, anywhere; it is given 0.1 s"
    )
    json_schema: Annotated[JsonSchema, PlainValidator(_read_schema), PlainSerializer(lambda check: dict(check.schema))] | None = Field(
        default=None, description="JSON that fits this schema, in a Markdown code fence or without"
    )
    min_tokens: Annotated[MinTokens, PlainValidator(_read_count), PlainSerializer(lambda check: check.count)] | None = Field(
        default=None, description="so many tokens or more"
    )
    language: Annotated[Language, PlainValidator(_read_language), PlainSerializer(lambda check: check.code)] | None = Field(
        default=None, description="printable text in this language (`en`, `de`, …); fails only if another one is at least 90 % probable"
    )
    printable: Annotated[Printable, PlainValidator(_read_printable), PlainSerializer(lambda _: True)] | None = Field(
        default=None, description="`true`: text, at least 95 % of it printable"
    )
    no_refusal: Annotated[NotRefusal, PlainValidator(_read_refusal), PlainSerializer(_write_refusal)] | None = Field(
        default=None, description="`true`: none of the common refusals in English, German, French and Spanish; or a list of regular expressions"
    )

    @property
    def check(self) -> Expected:
        """What looks at an answer."""
        return self._written()[0]

    def _written(self) -> list[Expected]:
        checks: tuple[Expected | None, ...] = (
            self.contains,
            self.matches,
            self.json_schema,
            self.min_tokens,
            self.language,
            self.printable,
            self.no_refusal,
        )
        return [check for check in checks if check is not None]

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        match len(self._written()):
            case 0:
                raise ValueError(f"expects nothing; write one of {', '.join(type(self).model_fields)}")
            case 1:
                return self
        raise ValueError("expects several things at once; give each a name of its own")
