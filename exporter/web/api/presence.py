"""Whether a client is still there that an answer is streamed to."""

from __future__ import annotations

from aiohttp import web

LOOKED_AFTER_SECONDS = 5.0
"""While there is nothing to write, it is looked so often."""


def is_there(request: web.BaseRequest) -> bool:
    """Whether its connection is open."""
    return request.transport is not None and not request.transport.is_closing()
