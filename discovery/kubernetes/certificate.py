"""The certificate at the end of a way, looked at once: whether it is trusted, and until when it is good."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from probes.ask import Tls
from probes.guard import Guard
from probes.names import addresses, resolve
from probes.wire.tls import context, explain

LOOK_SECONDS = 5.0
"""For all addresses of a name together, once it is resolved."""
MOST_ADDRESSES = 4
"""Of a name. Whoever writes a name server's answers may give hundreds."""

_LOOKS = ThreadPoolExecutor(4, thread_name_prefix="certificates")
"""Threads of their own: names and peers that hang hold up other looks, and nothing else."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a look at a certificate found.

    `trusted` is None where nothing answered. `detail` is why it is not trusted, or why nothing answered. `ends` is
    seconds since the epoch.
    """

    trusted: bool | None
    detail: str = ""
    ends: float | None = None


async def looked_at(url: str, tls: Tls, guard: Guard) -> Certificate:
    """What `look_at` finds. A few look at a time."""
    return await asyncio.get_running_loop().run_in_executor(_LOOKS, look_at, url, tls, guard)


def look_at(url: str, tls: Tls, guard: Guard, seconds: float = LOOK_SECONDS) -> Certificate:
    """Shake hands with whoever answers at an `https://` URL, and hang up.

    Blocks while the name is resolved, and for so many seconds at most after that.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        found = resolve(host, port, guard)
    except (OSError, UnicodeError) as error:
        return Certificate(None, f"{host}: {getattr(error, 'strerror', None) or error}")
    outcome = Certificate(None, f"{host}: no address")
    until = time.monotonic() + seconds
    for address in addresses(found)[:MOST_ADDRESSES]:
        if objection := guard.objection(address):
            outcome = Certificate(None, objection)
            continue
        outcome = _shaken(address, port, tls.server_name or host, tls, until)
        if outcome.trusted is not None or time.monotonic() >= until:
            break
    return outcome


def _shaken(address: str, port: int, server_name: str, tls: Tls, until: float) -> Certificate:
    try:
        with socket.create_connection((address, port), timeout=_left(until)) as plain:
            plain.settimeout(_left(until))
            with context(tls).wrap_socket(plain, server_hostname=server_name) as secure:
                found = secure.getpeercert()
    except ssl.SSLCertVerificationError as error:
        return Certificate(False, explain(error))
    except ssl.SSLError as error:
        return Certificate(False, f"no TLS: {explain(error)}")
    except (OSError, ValueError) as error:
        return Certificate(None, getattr(error, "strerror", None) or str(error) or type(error).__name__)
    ends = found.get("notAfter") if found else None
    return Certificate(True, "", float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None)


def _left(until: float) -> float:
    """Seconds to go. Never 0, which would have a socket not wait at all."""
    return max(0.001, until - time.monotonic())
