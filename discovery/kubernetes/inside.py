"""Tells names of the cluster's own DNS from other hosts. Pure.

Under such a name, whoever may write a Route or an Ingress would lead chats to any Service.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from config.kubernetes import Kubernetes

_ENDINGS = ("svc", "pod", "clusterset.local")
"""What names inside of a cluster end in, beside its domain. The first two leave the rest to search domains, the
third is across clusters."""
_FEWEST_LABELS = 3
"""A pod's search domains complete `kubernetes` and `kubernetes.default`. Nobody can tell where such a name leads."""


def is_address(host: str) -> bool:
    """Whether it is an IP address. One with a zone is none, as anything may be written in a zone."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_inside(url: str, settings: Kubernetes) -> bool:
    """Whether the URL's host is a name inside of the cluster, or may become one by search domains.

    An address is none, nor is a URL that cannot be read.
    """
    host = _host(url)
    if host is None or is_address(host):
        return False
    endings = (settings.cluster_domain, *_ENDINGS)
    # characters beyond ASCII may become dots when the name is encoded
    return not host.isascii() or host.count(".") < _FEWEST_LABELS - 1 or f".{host}".endswith(tuple(f".{ending}" for ending in endings))


def is_of_namespace(url: str, namespace: str, settings: Kubernetes) -> bool:
    """Whether the URL's host is the whole name of a Service of a namespace, or of a pod of one."""
    return (_host(url) or "").endswith(f".{namespace}.svc.{settings.cluster_domain}")


def _host(url: str) -> str | None:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
