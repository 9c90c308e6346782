"""Which ways lead to a Service. Pure.

A way goes through a Route, an Ingress or a gateway, to a NodePort or a load balancer, or to the Service itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from config.kubernetes import Kubernetes, WayName
from discovery.kubernetes.inside import is_inside
from discovery.kubernetes.objects import Backend, HttpRoute, Ingress, Listener, Parent, Route, Rule, Service, ServicePort
from discovery.kubernetes.snapshot import Snapshot

WayKind = Literal["route", "ingress", "nodeport", "service", "kserve"]
PlainHttp = Literal["refused", "allowed", "redirected"]

_WHOLE = ("", "/", "/*", "/v1", "/v1/")
"""Paths under which an engine's API is found without anything before it."""
_INSECURE: Mapping[str, PlainHttp] = {"Allow": "allowed", "Redirect": "redirected"}
_SECURE_PORTS = (443, 8443)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to an engine. `through` names the object that it leads through.

    `termination` says who ends TLS, None without TLS: the router (`edge`), the router and the engine again
    (`reencrypt`), the engine alone (`passthrough`), an ingress `controller`, a `gateway`. `plain_http` is what becomes
    of HTTP there, and `fallback_url` where it would be answered. `secure_pods` is whether the pods themselves speak
    TLS.
    """

    kind: WayKind
    through: str
    url: str
    termination: str | None = None
    plain_http: PlainHttp = "allowed"
    fallback_url: str | None = None
    secure_pods: bool = False


MOST_REASONS = 5
"""Reasons that are told why ways to one Service are not taken. Others may write any number of objects that lead to
it."""


def best_way(service: Service, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> tuple[Way | None, list[str]]:
    """The way to a Service's port that is taken, and what speaks against those before it, each reason once.

    Ways after it are not looked at.
    """
    against: dict[str, None] = {}
    for name in settings.prefer:
        for one in _OF[name](service, port, snapshot, settings):
            reason = one if isinstance(one, str) else _against(one, settings)
            if not isinstance(one, str) and reason is None:
                return one, list(against)
            if reason is not None and len(against) < MOST_REASONS:
                against[reason] = None
    return None, list(against)


def _against(way: Way, settings: Kubernetes) -> str | None:
    """What speaks against a way through what others write.

    A name inside of the cluster would lead to wherever they like.
    """
    if way.kind == "service" or not is_inside(way.url, settings):
        return None
    return f"{way.through} has a host that is a name inside of the cluster, or may become one: it has fewer than two dots"


def service_way(service: Service, port: ServicePort, settings: Kubernetes) -> Way:
    """The way by the Service itself, which there always is inside of the cluster."""
    secure = is_secure(port)
    url = service_url(service, port, settings)
    return Way("service", "the Service", url, "passthrough" if secure else None, "refused" if secure else "allowed", secure_pods=secure)


def service_url(service: Service, port: ServicePort, settings: Kubernetes) -> str:
    """Where the Service itself answers, inside of the cluster.

    A headless Service has no port of its own: its pods' port is meant.
    """
    number = int(port.target) if service.headless and port.target.isdecimal() else port.number
    return f"{'https' if is_secure(port) else 'http'}://{service_host(service.meta.namespace, service.meta.name, settings)}:{number}"


def service_host(namespace: str, name: str, settings: Kubernetes) -> str:
    """The name of a Service in the cluster's DNS."""
    return f"{name}.{namespace}.svc.{settings.cluster_domain}"


def is_secure(port: ServicePort) -> bool:
    """Whether the pods themselves speak TLS at this port, as far as the Service tells."""
    return port.app_protocol.lower() == "https" or port.name.startswith("https") or (not port.app_protocol and port.number in _SECURE_PORTS)


def _by_route(service: Service, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Way | str]:
    for route in sorted(snapshot.routes_to(service), key=lambda route: (not route.termination, route.meta.age)):
        what = f"Route {route.meta.name}"
        if not route.host:
            yield f"{what} is admitted by no router"
        elif route.path not in _WHOLE:
            yield f"{what} is for a path only"
        elif not route.backend.alone:
            yield f"{what} leads to other Services too"
        elif not _leads_to(route.backend, port):
            yield f"{what} leads to another port"
        else:
            yield _of_route(what, route)


def _of_route(what: str, route: Route) -> Way:
    if not route.termination:
        return Way("route", what, f"http://{route.host}")
    plain_http = _INSECURE.get(route.insecure, "refused")
    # a router that hands TLS through to the engine cannot answer HTTP in its place
    fallback = f"http://{route.host}" if plain_http == "allowed" and route.termination != "passthrough" else None
    secure_pods = route.termination in ("reencrypt", "passthrough")
    return Way("route", what, f"https://{route.host}", route.termination, plain_http, fallback, secure_pods)


def _by_ingress(service: Service, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Way | str]:
    for ingress in snapshot.ingresses_to(service):
        yield from _of_ingress(ingress, port, settings)
    for route in snapshot.http_routes_to(service):
        yield from _of_http_route(route, port, snapshot, settings)


def _of_ingress(ingress: Ingress, port: ServicePort, settings: Kubernetes) -> Iterator[Way | str]:
    what = f"Ingress {ingress.meta.name}"
    if not ingress.addresses:
        yield f"{what} has no address: no controller serves it"
        return
    fit: list[Rule] = []
    for rule in ingress.rules:
        if rule.path not in _WHOLE:
            yield f"{what} is for a path only"
        elif not _leads_to(rule.backend, port):
            yield f"{what} leads to another port"
        elif any(host.startswith("*") for host in rule.hosts):
            yield f"{what} has a pattern for a host"
        else:
            fit.append(rule)
    if fit:
        yield _through_controller(what, min(fit, key=lambda rule: any(_inside(host, settings) for host in rule.hosts)), ingress)


def _through_controller(what: str, rule: Rule, ingress: Ingress) -> Way:
    host = rule.hosts[0] if rule.hosts else ingress.addresses[0]
    if not _covered(host, ingress.secure):
        return Way("ingress", what, f"http://{_bracketed(host)}")
    plain_http: PlainHttp = "redirected" if ingress.redirects else "allowed"
    fallback = None if ingress.redirects else f"http://{_bracketed(host)}"
    return Way("ingress", what, f"https://{_bracketed(host)}", "controller", plain_http, fallback)


def _of_http_route(route: HttpRoute, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Way | str]:
    what = f"HTTPRoute {route.meta.name}"
    parents = [parent for parent in route.parents if parent.accepted]
    if not parents:
        yield f"{what} is accepted by no gateway"
        return
    for rule in route.rules:
        hosts = [host for host in rule.hosts if not host.startswith("*")]
        if rule.path not in _WHOLE:
            yield f"{what} is for a path only, or asks for more than that"
        elif not rule.backend.alone:
            yield f"{what} leads to other Services too"
        elif not _leads_to(rule.backend, port):
            yield f"{what} leads to another port"
        elif not hosts:
            yield f"{what} names no host"
        else:
            yield _through_gateway(what, min(hosts, key=lambda host: _inside(host, settings)), parents, snapshot)
            return


def _through_gateway(what: str, host: str, parents: list[Parent], snapshot: Snapshot) -> Way:
    """The way by the listeners of the gateways, TLS first.

    Of a gateway in a namespace that is not looked into, only the usual ports can be guessed.
    """
    listeners = [listener for parent in parents for listener in _listeners(parent, host, snapshot)]
    secure = next((listener for listener in listeners if listener.protocol in ("HTTPS", "TLS")), None)
    plain = next((listener for listener in listeners if listener.protocol == "HTTP"), None)
    if not listeners:
        return Way("ingress", what, f"https://{host}", "gateway", "allowed", f"http://{host}")
    if secure is None:
        return Way("ingress", what, _url("http", host, plain.port if plain else 80))
    fallback = _url("http", host, plain.port) if plain else None
    return Way("ingress", what, _url("https", host, secure.port), "gateway", "allowed" if plain else "refused", fallback)


def _listeners(parent: Parent, host: str, snapshot: Snapshot) -> Iterator[Listener]:
    gateway = snapshot.gateways.get((parent.namespace, parent.name))
    for listener in gateway.listeners if gateway else ():
        if parent.section in ("", listener.name) and (not listener.host or _covered(host, (listener.host,))):
            yield listener


def _by_node_port(service: Service, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Way | str]:
    scheme = "https" if is_secure(port) else "http"
    termination = "passthrough" if is_secure(port) else None
    plain_http: PlainHttp = "refused" if termination else "allowed"
    for address in service.balancers[:1]:
        url = _url(scheme, address, port.number)
        yield Way("nodeport", "load balancer", url, termination, plain_http, secure_pods=is_secure(port))
        return
    if port.node_port is None:
        return
    hosting = {pod.node for pod in snapshot.pods_of(service.meta.namespace, service.meta.name) if pod.ready}
    nodes = [node for node in snapshot.nodes if node.ready and node.external and (not service.local_only or node.meta.name in hosting)]
    if not nodes:
        yield "its NodePort is on no ready node with an external address" + (" that has one of its pods" if service.local_only else "")
        return
    node = min(nodes, key=lambda node: node.meta.age)
    url = _url(scheme, node.external[0], port.node_port)
    yield Way("nodeport", f"node {node.meta.name}", url, termination, plain_http, secure_pods=is_secure(port))


def _by_service(service: Service, port: ServicePort, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Way | str]:
    yield service_way(service, port, settings)


_OF: Mapping[WayName, Callable[[Service, ServicePort, Snapshot, Kubernetes], Iterator[Way | str]]] = {
    "route": _by_route,
    "ingress": _by_ingress,
    "nodeport": _by_node_port,
    "service": _by_service,
}
"""For each way that can be preferred, what finds it."""


def _leads_to(backend: Backend, port: ServicePort) -> bool:
    return backend.port in ("", port.name, str(port.number), port.target)


def _covered(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether a host is one of these patterns, or matches one.

    A `*` at the beginning is one label, and a bare `*` is any host.
    """
    return any(pattern in ("*", host) or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]) for pattern in patterns)


def _inside(host: str, settings: Kubernetes) -> bool:
    return is_inside(f"http://{_bracketed(host)}", settings)


def _url(scheme: str, host: str, port: int) -> str:
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{_bracketed(host)}" + ("" if port == usual else f":{port}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
