"""What is answered where there is nothing: a page in the look of the others for browsers, a line for programs."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exporter.negotiation import wishes
from exporter.web.api.problems import PREFIX
from exporter.web.pages.framing import HEADERS, framed
from exporter.web.pages.templates import render
from traffic.schedule import Clock


def nowhere(clock: Clock) -> Middleware:
    """A middleware that says so outside the API, which has a form of its own. It stands behind the port: whoever may not read learns nothing."""

    @web.middleware
    async def said(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound as error:
            _refuse(request, clock, error, "There is nothing here", "Nothing stands at this address.")
            raise
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            _refuse(request, clock, error, "This cannot be done here", f"This address takes {allowed}, and not {error.method}.")
            raise

    return said


def _refuse(request: web.Request, clock: Clock, error: web.HTTPException, title: str, why: str) -> None:
    """Have the error say why."""
    if request.path.startswith(PREFIX):
        return
    if not any(wish.name == "text/html" and wish.quality > 0 for wish in wishes(",".join(request.headers.getall("Accept", [])))):
        error.text = f"{why}\n"
        return
    error.text = framed(request, title, render("nowhere.html", title=title, why=why), clock.epoch_seconds())
    error.content_type = "text/html"
    error.headers.update(HEADERS)
