"""What is around the content of every page: head, navigation, foot, and the policy that a browser shows it by."""

from __future__ import annotations

from aiohttp import web

from exporter.web.pages.static import assets
from exporter.web.pages.templates import render

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""No script and no style but our own files, and nothing from elsewhere."""
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
RACE = "/race"
PLACES = (
    ("/", "Overview"),
    ("/scenarios", "Scenarios"),
    (RACE, "Race"),
    ("/alerts", "Alerts"),
    ("/discovery", "Discovery"),
    ("/configuration", "Configuration"),
    ("/health", "Health"),
)


def framed(
    request: web.Request, title: str, main: str, at: float, *, live: str = "", revision: int = 0, arrangement: str = "", scripts: tuple[str, ...] = ()
) -> str:
    """A whole page, as of an instant in epoch seconds. `live` is where it hears of changes from that revision on; empty where nowhere."""
    theme = request.query.get("theme", "")
    return render(
        "page.html",
        title=title,
        main=main,
        live=live,
        revision=revision,
        arrangement=arrangement,
        theme=theme if theme in ("light", "dark") else "",
        kiosk="kiosk" in request.query,
        place=request.path,
        places=PLACES,
        at=at,
        scripts=("page.js", *scripts),
        static=lambda name: assets()[name].url,
    )
