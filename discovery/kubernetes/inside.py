"""Which hosts are names of the cluster's own DNS, under which whoever may write a Route or an Ingress would lead chats to any Service. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from config.kubernetes import Kubernetes

_ENDINGS = ("svc", "pod", "clusterset.local")
"""What names inside of a cluster end in beside its domain: the first two where the rest is left to search domains, the third across clusters."""
_FEWEST_LABELS = 3
"""`kubernetes` and `kubernetes.default` are completed by a pod's search domains; of such a name nobody can tell where it leads."""


def is_address(host: str) -> bool:
    """Whether it is an IP address, without a zone, in which anything may be written."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_inside(url: str, settings: Kubernetes) -> bool:
    """Whether its host is a name inside of the cluster, or may become one by search domains. An address is none, nor is a URL that cannot be read."""
    host = _host(url)
    if host is None or is_address(host):
        return False
    endings = (settings.cluster_domain, *_ENDINGS)
    # characters beyond ASCII may become dots when the name is encoded
    return not host.isascii() or host.count(".") < _FEWEST_LABELS - 1 or f".{host}".endswith(tuple(f".{ending}" for ending in endings))


def is_of_namespace(url: str, namespace: str, settings: Kubernetes) -> bool:
    """Whether its host is the whole name of a Service, or of a pod of one, of a namespace."""
    return (_host(url) or "").endswith(f".{namespace}.svc.{settings.cluster_domain}")


def _host(url: str) -> str | None:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
