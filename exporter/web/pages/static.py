"""The pages' own files: stylesheet, script and icon, each under an address that changes with its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from catalogue.look import stylesheet

_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "race.js": "text/javascript", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `version` follows from its content."""

    name: str
    body: bytes
    content_type: str
    version: str

    @property
    def url(self) -> str:
        return f"/static/{self.name}?v={self.version}"


@cache
def assets() -> dict[str, Asset]:
    """All of them by name, read once."""
    found = {}
    for name, content_type in _TYPES.items():
        body = files(__package__).joinpath("static", name).read_bytes()
        if name == "page.css":
            body = stylesheet().encode() + body
        found[name] = Asset(name, body, content_type, hashlib.sha256(body).hexdigest()[:16])
    return found
