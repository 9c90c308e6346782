"""What a client's `Accept` headers ask for (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """One entry of the header, in lower case. `quality` is 0 where the client refuses it."""

    name: str
    parameters: Mapping[str, str]
    quality: float


def wishes(header: str) -> Iterator[Wish]:
    """The entries of an `Accept` or `Accept-Encoding` header; those with an unreadable quality are left out."""
    for entry in header.lower().split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        parameters = {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in rest)}
        try:
            yield Wish(name, parameters, float(parameters.get("q", "1")))
        except ValueError:
            continue
