"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONTENT_TYPE = "application/problem+json"
PREFIX = "/api/"


class Part(BaseModel):
    """What is wrong with one part of a request."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="name of the parameter, or path of the key in the body")
    detail: str = Field(description="what is wrong with it")


class Problem(BaseModel):
    """Why a request was not answered."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status", ge=400, le=599)
    detail: str = Field(description="what is wrong, and what would be right")
    errors: list[Part] = Field(default=[], description="what is wrong with each part of the request")


class ProblemError(Exception):
    """A request that is not answered as it was meant."""

    def __init__(self, status: HTTPStatus, detail: str, errors: list[Part] | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.headers = headers or {}
        self.problem = Problem(title=status.phrase, status=status, detail=detail, errors=errors or [])

    def answer(self) -> web.Response:
        """The answer in its place."""
        return answered(self.problem, self.headers)


def answered(problem: Problem, headers: dict[str, str]) -> web.Response:
    """A problem as an answer."""
    return web.Response(status=problem.status, body=problem.model_dump_json().encode(), content_type=CONTENT_TYPE, headers=headers)


def malformed(error: ValidationError, what: str) -> ProblemError:
    """What a model says of what it was given. Nothing that was given is repeated."""
    found = error.errors(include_url=False, include_input=False)
    parts = [Part(where=".".join(map(str, one["loc"])) or what, detail=one["msg"].removeprefix("Value error, ")) for one in found]
    return ProblemError(HTTPStatus.BAD_REQUEST, f"The {what} cannot be taken: {parts[0].where}: {parts[0].detail}.", parts)


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give errors below `/api/` their form, wherever they come from. It stands before every other middleware."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except ProblemError as error:
        return error.answer()
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        status = HTTPStatus(error.status)
        kept = {name: value for name, value in error.headers.items() if name.lower() not in ("content-type", "content-length")}
        detail = (error.text or "").strip().removeprefix(f"{error.status}: {error.reason}") or status.description or status.phrase
        problem = Problem(title=status.phrase, status=status, detail=detail)
        return answered(problem, kept)
