"""What can be asked of the API: each operation with its models, so that answers and the document cannot differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from exporter.web.api.models import Body, NoQuery, Query
from exporter.web.api.problems import Part, ProblemError, malformed
from exporter.web.security.roles import needs_operate

JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read and checked: its parameters, its body, and the names in its path."""

    request: web.Request
    query: Any
    body: Any
    path: Mapping[str, str]


Handler = Callable[[Asked], Awaitable[web.StreamResponse | object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `answer` is the model of what its handler gives, or that of the items of a list.

    `path` has the names of its parts in braces, each of which is a number. `problems` are the statuses of its errors,
    beside those that every operation can have. `role` is `operate` for what spends tokens or changes state.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answer: type[BaseModel]
    is_list: bool = False
    status: HTTPStatus = HTTPStatus.OK
    query: type[Query] = NoQuery
    body: type[Body] | None = None
    media: tuple[str, ...] = (JSON,)
    problems: Mapping[HTTPStatus, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    operate: bool = False

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Have the application answer it."""
        handler = needs_operate(self._handle) if self.operate else self._handle
        app.router.add_route(self.method, prefix + self.path.replace("{id}", r"{id:[0-9]{1,18}}"), handler)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request, _query(request, self.query), await _body(request, self.body), request.match_info)
        given = await self.handler(asked)
        return given if isinstance(given, web.StreamResponse) else self.written(given)

    def written(self, given: object, headers: Mapping[str, str] | None = None) -> web.Response:
        """An answer of this operation."""
        return web.Response(
            status=self.status, body=_adapter(self.answer, self.is_list).dump_json(given, by_alias=True), content_type=JSON, headers=headers
        )


@cache
def _adapter(model: type[BaseModel], is_list: bool) -> TypeAdapter[Any]:
    return TypeAdapter(list[model] if is_list else model)  # type: ignore[valid-type]


def _query(request: web.Request, model: type[Query]) -> Query:
    """The parameters. Raises `ProblemError`."""
    twice = [name for name in dict.fromkeys(request.query) if len(request.query.getall(name)) > 1]
    if twice:
        parts = [Part(where=name, detail="is given more than once") for name in twice]
        raise ProblemError(HTTPStatus.BAD_REQUEST, "A parameter is given more than once; give it once.", parts)
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise malformed(error, "query") from None


async def _body(request: web.Request, model: type[Body] | None) -> Body | None:
    """The body. Raises `ProblemError`."""
    if model is None:
        return None
    if request.content_type != JSON:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body is no JSON; send it with Content-Type: {JSON}.")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise malformed(error, "body") from None
