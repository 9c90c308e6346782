"""What is answered where there is no request to pass the port: bytes that are none, and a handler that broke."""

from __future__ import annotations

import structlog
from aiohttp import web

from exporter.web.security.answers import secured

_log = structlog.get_logger()


class CalmProtocol(web.RequestHandler):
    """aiohttp's protocol, with errors that say nothing of what was sent or of the code, and have the headers of every other answer.

    aiohttp would log a traceback for whatever a stranger sends that is no HTTP, and show one to whoever asks where Python's `asyncio` is debugged.
    """

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to a request that cannot be read, or whose handler broke."""
        if status < 500:
            _log.debug("what was sent is no request", address=request.remote)
        else:
            _log.error("answering a request broke", address=request.remote, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        said = "What you sent cannot be read as a request." if status < 500 else "chatprobe broke on this; its log says on what."
        answer = web.Response(status=status, text=f"{said}\n")
        secured(answer, {})
        answer.force_close()
        return answer
