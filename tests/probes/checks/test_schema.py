from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from probes.ask import Reply
from probes.checks import JsonSchema, SchemaError

ITEMS: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}, "additionalProperties": False},
        }
    },
}
REFERRING: dict[str, Any] = {"$defs": {"price": {"type": "number"}, "a/b": {"$ref": "#/$defs/price"}}, "items": {"$ref": "#/$defs/a~1b"}}


@pytest.mark.parametrize(
    "text",
    [
        '{"items": []}',
        ' \n{"items": [{"price": 3.5}]}\n',
        '```json\n{"items": [{"price": 1}]}\n```',
        '```\n{"items": []}```\n',
        '\n````JSON\r\n{"items": []}\r\n````\n',
    ],
    ids=["bare", "white space", "fence", "fence without a language", "longer fence"],
)
def test_an_answer_that_fits(text: str) -> None:
    assert JsonSchema(ITEMS).wrong(Reply(text)) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is no JSON at line 1, column 1"),
        ('Here it is: {"items": []}', "is no JSON at line 1, column 1"),
        ('```json\n{"items": []}', "is no JSON at line 1, column 1"),
        ('{"items":\n [}', "is no JSON at line 2, column 3"),
        ('{"items": NaN}', "is no JSON at line 1, column 11"),
        ("[]", 'does not fit the schema: the value is not of type "object"'),
        ("{}", 'does not fit the schema: "items" is a required property'),
        ('{"items": [{"price": 1}, {"price": "k-secret"}]}', 'does not fit the schema at items[1].price: the value is not of type "number"'),
        ('{"items": [{}]}', 'does not fit the schema at items[0]: "price" is a required property'),
    ],
    ids=["empty", "words around it", "open fence", "broken", "no number", "other type", "missing", "deep inside", "missing inside"],
)
def test_an_answer_that_does_not_fit(text: str, wrong: str) -> None:
    assert JsonSchema(ITEMS).wrong(Reply(text)) == wrong


def test_formats_are_looked_at() -> None:
    check = JsonSchema({"type": "string", "format": "email"})
    assert check.wrong(Reply('"ada@example.org"')) is None
    assert check.wrong(Reply('"ada"')) == 'does not fit the schema: the value is not a "email"'


def test_references_inside_of_the_schema() -> None:
    check = JsonSchema(REFERRING)
    assert check.wrong(Reply("[1, 2.5]")) is None
    assert check.wrong(Reply('[1, "2"]')) == 'does not fit the schema at [1]: the value is not of type "number"'


def test_a_property_may_have_the_name_of_a_reference() -> None:
    check = JsonSchema({"properties": {"$ref": {"type": "string"}}})
    assert check.wrong(Reply('{"$ref": "http://example.test"}')) is None
    assert check.wrong(Reply('{"$ref": 1}')) is not None


def test_only_the_root_may_have_an_id_but_data_may_too() -> None:
    data = {"properties": {"$id": {"type": "string"}, "id": {"type": "integer"}}, "examples": [{"id": "a"}]}
    check = JsonSchema({"$id": "http://example.test/root", "$defs": {"a": data}, "$ref": "#/$defs/a"})
    assert check.wrong(Reply('{"$id": "x", "id": 1}')) is None
    assert check.wrong(Reply('{"id": "1"}')) is not None


def test_patterns_are_matched_in_linear_time() -> None:
    check = JsonSchema({"pattern": "^(a+)+$"})
    began = time.thread_time()
    assert check.wrong(Reply('"' + "a" * 200_000 + '!"')) == 'does not fit the schema: the value does not match "^(a+)+$"'
    assert time.thread_time() - began < 1


def test_an_answer_that_is_nested_beyond_reason() -> None:
    nested = Reply("[" * 1000 + "]" * 1000)
    assert JsonSchema({"type": "array"}).wrong(nested) is None
    assert JsonSchema({"type": "object"}).wrong(nested) == "does not fit the schema, and is nested too deeply to say where"
    assert JsonSchema({"type": "array"}).wrong(Reply("[" * 100_000)) == "is no JSON at line 1, column 1026"


BRACKETS: list[dict[str, Any]] = [{"type": "string"}, *({"type": "array", "minItems": least, "items": {"$ref": "#/$defs/b"}} for least in (0, 1))]
"""Down both branches again on each level: an answer of a few dozen brackets would take years."""
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
MOVED = "below its root, so that references would lead elsewhere from there; leave it out"
ELSEWHERE = 'refers to what does not stand in it, and nothing is fetched; put it under $defs, and write $ref: "#/$defs/NAME"'
ITSELF = "refers to itself; write the levels out that an answer may have"
NO_SCHEMA = "is not what JSON Schema has here; mend it, or leave it out"


@pytest.mark.parametrize(
    ("schema", "place", "wrong"),
    [
        ({"$ref": "file:///etc/passwd"}, (), ELSEWHERE),
        ({"items": {"$ref": "other.json#/x"}}, (), ELSEWHERE),
        ({"$ref": "#/$defs/missing"}, (), ELSEWHERE),
        ({"$ref": "#anchor"}, (), ELSEWHERE),
        ({"prefixItems": [{}], "items": {"$ref": "#/prefixItems/1"}}, (), ELSEWHERE),
        ({"prefixItems": [{}], "items": {"$ref": "#/prefixItems/x"}}, (), ELSEWHERE),
        ({"$ref": "#"}, (), ITSELF),
        ({"anyOf": [{"items": {"$ref": "#"}}, {"type": "string"}]}, (), ITSELF),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"not": {"$ref": "#/$defs/a"}}}}, (), ITSELF),
        (
            {"$defs": {"b": {}, "s": {"$id": "http://x/s", "$defs": {"b": {"anyOf": BRACKETS}}, "$ref": "#/$defs/b"}}, "$ref": "#/$defs/s"},
            (),
            f"has $id {MOVED}",
        ),
        (
            {
                "$schema": DRAFT_4,
                "$defs": {"b": {}, "s": {"id": "http://x/s", "$defs": {"b": {"anyOf": BRACKETS}}}},
                "allOf": [{"$ref": "#/$defs/s"}],
            },
            (),
            f"has id {MOVED}",
        ),
        ({"items": {"$dynamicRef": "#"}}, (), "has a $dynamicRef, which is for schemas without an end; write the levels out that an answer may have"),
        ({"type": "strng"}, ("type",), NO_SCHEMA),
        ({"properties": {"a": {"anyOf": [{"minimum": "3"}]}}}, ("properties", "a", "anyOf", 0, "minimum"), NO_SCHEMA),
        ({"properties": {"a": {"pattern": "(hunter2"}}}, ("properties", "a", "pattern"), NO_SCHEMA),
        ({"pattern": "a(?=b)"}, ("pattern",), NO_SCHEMA),
        ({"$schema": "http://example.test/mine"}, (), NO_SCHEMA),
        ({"minimum": float("inf")}, ("minimum",), NO_SCHEMA),
    ],
)
def test_a_schema_that_cannot_be_used(schema: dict[str, Any], place: tuple[str | int, ...], wrong: str) -> None:
    with pytest.raises(SchemaError) as caught:
        JsonSchema(schema)
    assert (caught.value.place, str(caught.value)) == (place, wrong)


def chain(length: int, step: dict[str, Any]) -> dict[str, Any]:
    """Definitions of which each refers to the next, as `step` says in the place of NEXT."""
    links = {f"a{number}": {key: _linked(value, f"#/$defs/a{number + 1}") for key, value in step.items()} for number in range(length)}
    return {"$defs": {**links, f"a{length}": {"type": "string"}}, "items": {"$ref": "#/$defs/a0"}}


def _linked(value: Any, target: str) -> Any:
    match value:
        case "NEXT":
            return target
        case list():
            return [_linked(item, target) for item in value]
        case dict():
            return {key: _linked(entry, target) for key, entry in value.items()}
    return value


def test_a_long_chain_of_references() -> None:
    step = {"items": {"$ref": "NEXT"}}
    assert JsonSchema(chain(19, step)).wrong(Reply("[" * 20 + "3" + "]" * 20)) is not None
    for length in (20, 5000):
        with pytest.raises(SchemaError, match="refers on more than 20 times in a row"):
            JsonSchema(chain(length, step))


def test_references_that_unfold_to_very_much() -> None:
    step = {"allOf": [{"$ref": "NEXT"}, {"$ref": "NEXT"}]}
    assert JsonSchema(chain(8, step)).wrong(Reply("[3]")) == 'does not fit the schema at [0]: the value is not of type "string"'
    with pytest.raises(SchemaError, match="unfolds to more than 20000 parts"):
        JsonSchema(chain(18, step))


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        for schema in ({"$ref": url}, {"$schema": url}, {"$id": url, "$ref": "#/$defs/a", "$defs": {"a": {"$ref": "other.json"}}}):
            with pytest.raises(SchemaError):
                JsonSchema(schema)
        with pytest.raises(TimeoutError):
            server.accept()
