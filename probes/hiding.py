"""Keeps our secrets out of what is told: an engine or a gateway may put into what it says what it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from probes.ask import Endpoint

SHORTEST_SECRET = 4
"""Shorter values are words like any other."""
_HIDDEN = "<secret>"


def hidden(text: str, endpoint: Endpoint) -> str:
    """The text without the endpoint's secrets, and without the beginning of one at its end, where a limit may have cut it off.

    Takes texts as they came: in one that was shortened, or brought on one line, a secret may stand in another form.
    """
    secrets = sorted(set(_secrets(endpoint)), key=len, reverse=True)  # one may be a part of another
    at_end = max((_at_end(text, secret) for secret in secrets), default=0)
    kept, tail = text[: len(text) - at_end], _HIDDEN if at_end else ""
    for secret in secrets:
        kept = kept.replace(secret, _HIDDEN)
    return kept + tail


def _secrets(endpoint: Endpoint) -> Iterator[str]:
    """The key, the values of headers and of the query; what follows a scheme, as in `Bearer KEY`, on its own as well."""
    query = endpoint.adaptation.query.values()
    for value in (endpoint.api_key or "", *endpoint.headers.values(), *query, *map(quote, query)):
        for secret in (value, value.partition(" ")[2].strip()):
            if len(secret) >= SHORTEST_SECRET:
                yield secret


def _at_end(text: str, secret: str) -> int:
    """With how many characters of a secret, from its first on, the text ends; 0 if they are too few to be told from a word."""
    return next((length for length in range(len(secret), SHORTEST_SECRET - 1, -1) if text.endswith(secret[:length])), 0)
