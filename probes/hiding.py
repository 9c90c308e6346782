"""Keeps our secrets out of what is told: an engine or a gateway may put into what it says what it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from probes.ask import Endpoint

HIDDEN = "<secret>"
_KEYS = re.compile(
    r"(?:^|[^a-z])(?:[a-z]*key|token|[a-z]*secret|pass(?:word|wd|phrase)?|pwd|auth|authorization|bearer|credentials?|cookie)(?:$|[^a-z])"
)
"""Names under which secrets are kept. `max_tokens` and `tokenizer` are none of them."""
_FORMS = re.compile(
    r"\b(?:sk|pk|hf|ghp|gho|ghs|glpat|xox[abprs]|nvapi|AKIA|ASIA)[-_]?[A-Za-z0-9_-]{12,}"  # keys of well-known services
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}"  # a JSON web token
    r"|(?i:\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,})"
    r"|://[^/\s@]+@"  # a user or a password in a URL
    r"|-----BEGIN"
    r"|(?i:--?[a-z-]*(?:key|token|secret|password)[ =]+(?!/)\S+)"  # a flag with its value; that of a file is a path
)
SHORTEST_SECRET = 4
"""Shorter values are words like any other."""


def may_be_secret(key: str, value: str) -> bool:
    """Whether a setting may be a secret, by its name or by the form of its value. It is meant to say so too often."""
    return bool(_KEYS.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()) or _FORMS.search(value))


def hidden(text: str, endpoint: Endpoint) -> str:
    """The text without the endpoint's secrets, and without the beginning of one at its end, where a limit may have cut it off.

    Takes texts as they came: in one that was shortened, or brought on one line, a secret may stand in another form.
    """
    secrets = sorted(set(_secrets(endpoint)), key=len, reverse=True)  # one may be a part of another
    at_end = max((_at_end(text, secret) for secret in secrets), default=0)
    kept, tail = text[: len(text) - at_end], HIDDEN if at_end else ""
    for secret in secrets:
        kept = kept.replace(secret, HIDDEN)
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
