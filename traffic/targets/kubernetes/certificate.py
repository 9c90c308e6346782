"""The certificate at the end of a way, looked at once: whether it is trusted, and until when it is good."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from probes.ask import Tls
from probes.guard import Guard
from probes.wire.tls import context, explain

LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """`trusted` is None where nothing answered; `detail` is why it is not trusted, or why nothing answered; `ends` is seconds since the epoch."""

    trusted: bool | None
    detail: str = ""
    ends: float | None = None


def look_at(url: str, tls: Tls, guard: Guard, seconds: float = LOOK_SECONDS) -> Certificate:
    """Shake hands with whoever answers at an `https://` URL, and hang up. Blocks for so many seconds at most with each address."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Certificate(None, f"{host}: {getattr(error, 'strerror', None) or error}")
    outcome = Certificate(None, f"{host}: no address")
    for *_, address in found:
        if objection := guard.objection(str(address[0])):
            outcome = Certificate(None, objection)
            continue
        outcome = _shaken(str(address[0]), port, tls.server_name or host, tls, seconds)
        if outcome.trusted is not None:
            break
    return outcome


def _shaken(address: str, port: int, server_name: str, tls: Tls, seconds: float) -> Certificate:
    try:
        with (
            socket.create_connection((address, port), timeout=seconds) as plain,
            context(tls).wrap_socket(plain, server_hostname=server_name) as secure,
        ):
            found = secure.getpeercert()
    except ssl.SSLCertVerificationError as error:
        return Certificate(False, explain(error))
    except ssl.SSLError as error:
        return Certificate(False, f"no TLS: {explain(error)}")
    except (OSError, ValueError) as error:
        return Certificate(None, getattr(error, "strerror", None) or str(error) or type(error).__name__)
    ends = found.get("notAfter") if found else None
    return Certificate(True, "", float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None)
