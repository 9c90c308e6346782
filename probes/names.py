"""From a host's name to its addresses; for a target that others have named, from the name as it is written, and from none that is longer."""

from __future__ import annotations

import socket

from probes.guard import Guard

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Resolved = list[tuple[socket.AddressFamily, SocketAddress]]


class CompletedNameError(OSError):
    """A name exists only with one of this machine's search domains behind it; the text says which it is then."""


def resolve(host: str, port: int, guard: Guard | None = None, flags: int = 0) -> Resolved:
    """Addresses in the resolver's order (RFC 6724), IPv4 and IPv6. Blocks. Raises `OSError`, `UnicodeError`.

    Search domains (resolv.conf(5)) complete names: a pod tries `pod.engine.other` as `pod.engine.other.svc.cluster.local` first, so that whoever
    writes a Route would choose a namespace. Under a guard a name that was completed is looked up again as an absolute one (RFC 1034 section 3.1).
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags | (0 if guard is None else socket.AI_CANONNAME))
    if guard is not None and _is_completed(host, whole := found[0][3]):
        try:
            found = socket.getaddrinfo(f"{host}.", port, type=socket.SOCK_STREAM, flags=flags)
        except socket.gaierror as error:
            raise CompletedNameError(f"no name as it stands; only this machine's search domains make it one, {whole}") from error
    return [(family, address) for family, _, _, _, address in found]


def addresses(found: Resolved) -> list[str]:
    """Those that were found, without ports, each once."""
    return list(dict.fromkeys(str(address[0]) for _, address in found))


def _is_completed(host: str, whole: str) -> bool:
    """Whether the name that a resolver has found (its canonical name, RFC 3493 section 6.1) is the host's with more behind it."""
    return whole.rstrip(".").lower().startswith(f"{host.rstrip('.').lower()}.")
