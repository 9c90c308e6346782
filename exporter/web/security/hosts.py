"""By which names the server may be asked.

A page of somebody else's may have its own name resolve to an address of ours (DNS rebinding): to a browser, what it fetches then is its own. The
`Host` that the browser sends is that name still. Addresses cannot be turned over so, and are always taken.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from config.web import Web, is_loopback

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]@/\s]+)(:[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that are taken; any where there are none (`names` is None). A name that begins with `*.` stands for all below it."""

    names: Collection[str] | None

    @classmethod
    def of(cls, settings: Web) -> Hosts:
        """Those of a configuration. On a loopback address any name but the machine's own is a stranger's."""
        if settings.hosts:
            return cls(settings.hosts)
        return cls((settings.listen.host.lower(),) if settings.loopback else None)

    def takes(self, host: str) -> bool:
        """Whether a request with this `Host` is answered."""
        found = _AUTHORITY.fullmatch(host)
        if found is None:
            return False
        name = found["host"].strip("[]").lower().removesuffix(".")
        if self.names is None or _is_address(name) or is_loopback(name):
            return True
        return any(name.endswith(wanted[1:]) if wanted.startswith("*.") else name == wanted for wanted in self.names)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
