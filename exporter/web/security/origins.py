"""Which page of a browser a request comes from. One of somebody else's must not act for the person who looks at it.

Browsers send credentials along by themselves (basic auth, client certificates), and reach loopback addresses. What they tell of themselves decides:
`Sec-Fetch-Site` (W3C Fetch Metadata), and `Origin` (RFC 6454) of those that do not send it. Programs that are no browsers send neither.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

_OWN_SITES = frozenset({"same-origin", "none"})
"""`none` is an address that was typed in, or a bookmark."""
_USUAL_PORTS = {"http": 80, "https": 443}


def from_elsewhere(request: web.BaseRequest) -> bool:
    """Whether another site's page has a browser send this."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OWN_SITES
    origin = request.headers.get("Origin")
    return origin is not None and not _is_own(origin, request.headers.get("Host", ""))


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is the server that was asked. Its scheme is not compared: a proxy may end TLS in front."""
    try:
        parts = urlsplit(origin)
        asked = urlsplit(f"//{host}")
        usual = _USUAL_PORTS[parts.scheme]
        return bool(parts.hostname) and (parts.hostname, parts.port or usual) == (asked.hostname, asked.port or usual)
    except (ValueError, KeyError):
        return False
