"""Headers that each answer bears, so that a browser does with it nothing but show it."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Unless a handler has set them itself, as pages do with a policy for what they show."""


def secured(response: web.StreamResponse, written: Mapping[str, str]) -> None:
    """Give an answer those headers. Those of the web configuration file (`written`) take the place of all others."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    for name, value in written.items():
        response.headers[name] = value
    response.headers["Server"] = "chatprobe"
