"""The OpenAPI 3.1 document of the API, made of its operations and their models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from exporter.web.api.operations import NDJSON, Operation
from exporter.web.api.problems import CONTENT_TYPE, Problem

_Wanted = tuple[type[BaseModel], Literal["validation", "serialization"]]
_REFERENCE = "#/components/schemas/{model}"
_OF_EVERY: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "A parameter or the body cannot be taken.",
    HTTPStatus.UNAUTHORIZED: "It is to be shown who asks.",
    HTTPStatus.FORBIDDEN: "Whoever asks may not do this.",
    HTTPStatus.TOO_MANY_REQUESTS: "It is asked too often.",
}
_OF_BODIES: Mapping[HTTPStatus, str] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is no JSON.",
}


def document(operations: Sequence[Operation], prefix: str) -> dict[str, object]:
    """The document, as a JSON object."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        paths.setdefault(prefix + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "chatprobe",
            "version": version("chatprobe"),
            "description": "What users of streaming LLM chat feel, and what chatprobe knows of it. What spends tokens or changes state takes "
            "the role operate.",
        },
        "paths": paths,
        "components": {"schemas": _schemas(operations), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "user": _USER}},
        "security": [{}, {"token": []}, {"user": []}],
    }


_USER = {"type": "http", "scheme": "basic"}


def _operation(operation: Operation) -> dict[str, object]:
    problems = {**_OF_EVERY, **(_OF_BODIES if operation.body else {}), **operation.problems}
    found: dict[str, object] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_in_path(operation), *_in_query(operation)],
        "responses": {
            str(operation.status.value): _answer(operation),
            **{str(status.value): _problem(what) for status, what in sorted(problems.items())},
        },
    }
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(operation.body)}}}
    return found


def _in_path(operation: Operation) -> Iterator[dict[str, object]]:
    if "{id}" in operation.path:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}}


def _in_query(operation: Operation) -> Iterator[dict[str, object]]:
    schema = operation.query.model_json_schema()
    for name, told in schema.get("properties", {}).items():
        kind = _without_null({key: value for key, value in told.items() if key not in ("title", "description")})
        yield {"name": name, "in": "query", "required": False, "description": told.get("description", ""), "schema": kind}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is given or left out: it is never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    return {**rest, **kinds[0]} if len(kinds) == 1 else schema


def _answer(operation: Operation) -> dict[str, object]:
    item = _reference(operation.answer)
    whole = {"type": "array", "items": item} if operation.is_list else item
    content = {media: {"schema": item if media == NDJSON else whole} for media in operation.media}
    found: dict[str, object] = {"description": (operation.answer.__doc__ or "").split("\n", 1)[0], "content": content}
    if operation.headers:
        found["headers"] = {name: {"description": what, "schema": {"type": "string"}} for name, what in operation.headers.items()}
    return found


def _problem(what: str) -> dict[str, object]:
    return {"description": what, "content": {CONTENT_TYPE: {"schema": _reference(Problem)}}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _schemas(operations: Sequence[Operation]) -> object:
    answers: list[_Wanted] = [(operation.answer, "serialization") for operation in operations]
    bodies: list[_Wanted] = [(operation.body, "validation") for operation in operations if operation.body is not None]
    _, found = models_json_schema(list(dict.fromkeys([*answers, *bodies, (Problem, "serialization")])), ref_template=_REFERENCE)
    return found["$defs"]
