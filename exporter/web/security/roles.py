"""What whoever asks may do: read, or operate too."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, TypeVar

from aiohttp import web

from exporter.web.security.origins import from_elsewhere


class Role(StrEnum):
    """`request["role"]`, which the port's middleware sets for every request that gets as far as a handler."""

    READ = "read"
    OPERATE = "operate"


ROLE = "role"
warnings.filterwarnings("ignore", "It is recommended to use web.RequestKey", web.NotAppKeyWarning)  # which the oldest aiohttp that we take lacks

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=web.StreamResponse)

_MAY_NOT = (
    "This takes the role operate, and what you have shown gives you {role}.\n"
    "Show a token or a user with that role; where nobody has to show anything, set web: {{anonymous: operate}}.\n"
)
ELSEWHERE = "A page of another site had your browser send this, which is not allowed.\n"


def may_operate(request: web.BaseRequest) -> bool:
    """Whether whoever asks may do what spends tokens or changes state."""
    return bool(request.get(ROLE) == Role.OPERATE)


def needs_operate(handler: Callable[P, Awaitable[Answer]]) -> Callable[P, Awaitable[Answer]]:
    """A handler for those alone who may operate: 403 for others, and for what another site's page has a browser send.

    For a function of a request or for a method, by whatever HTTP method it is asked for. A request whose role nobody has set gets 403 too.
    """

    @wraps(handler)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Answer:
        request = next(argument for argument in args if isinstance(argument, web.BaseRequest))
        if not may_operate(request):
            raise web.HTTPForbidden(text=_MAY_NOT.format(role=request.get(ROLE, "none")))
        if from_elsewhere(request):
            raise web.HTTPForbidden(text=ELSEWHERE)
        return await handler(*args, **kwargs)

    guarded.__dict__["needs_operate"] = True  # so that a test can ask every route
    return guarded
