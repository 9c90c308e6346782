"""Reads the cluster's objects as its API gives them.

Something is made of an object whatever its shape. What cannot be read is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from discovery.kubernetes.fields import Json, entries, holds, labels, number, part, text, texts
from discovery.kubernetes.inside import is_address
from discovery.kubernetes.objects import (
    ENGINE_LABELS,
    LLM_NAME,
    LLM_PART_OF,
    OURS,
    PART_OF,
    WISHES,
    Backend,
    Gateway,
    HttpRoute,
    InferenceService,
    Ingress,
    Listener,
    Meta,
    Node,
    Parent,
    Pod,
    Route,
    Rule,
    Service,
    ServicePort,
    Slice,
)
from probes.guard import Guard

MOST_RULES = 256
"""Of one Ingress or HTTPRoute, those that repeat others not counted. An object of a megabyte could have tens of
thousands."""

MOST_UNKNOWN = 5
"""Annotations of one object that are meant for chatprobe, and that it does not know. Each is told of."""
LONGEST_VALUE = 1024
"""Of an annotation, which may be as long as 256 KiB. None that is followed is as long as this."""

_NO_PODS = Guard(loopback=True)
"""Knows addresses to which no slice may lead. The API server takes no link-local or loopback ones, but it takes
those of metadata services elsewhere."""
_ZONE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_KEPT_LABELS = frozenset((*ENGINE_LABELS, PART_OF, LLM_PART_OF[0], LLM_NAME, *(OURS + wish for wish in WISHES)))
_POD_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_KEPT_ANNOTATIONS = frozenset(("haproxy.router.openshift.io/timeout", "nginx.ingress.kubernetes.io/ssl-redirect", *(OURS + wish for wish in WISHES)))


def meta(found: Json) -> Meta:
    """What is kept of what all objects have."""
    return Meta(
        text(found, "metadata", "namespace"),
        text(found, "metadata", "name"),
        text(found, "metadata", "creationTimestamp"),
        {key: value for key, value in labels(found, "metadata", "labels").items() if key in _KEPT_LABELS},
        _annotations(labels(found, "metadata", "annotations")),
    )


def _annotations(written: Mapping[str, str]) -> dict[str, str]:
    """What is kept of annotations. It does not grow with what the object's owner writes."""
    unknown = sorted(key for key in written if key.startswith(OURS) and key not in _KEPT_ANNOTATIONS)
    kept = {key: value[:LONGEST_VALUE] for key, value in written.items() if key in _KEPT_ANNOTATIONS}
    return kept | dict.fromkeys(unknown[:MOST_UNKNOWN], "")


def service(found: Json) -> Service:
    spec = part(found, "spec")
    return Service(
        meta(found),
        text(spec, "type") or "ClusterIP",
        text(spec, "clusterIP") == "None",
        tuple(_service_port(port) for port in entries(spec, "ports") if number(port, "port") is not None and text(port, "protocol") in ("", "TCP")),
        tuple(text(address, "ip") or text(address, "hostname") for address in entries(found, "status", "loadBalancer", "ingress")),
        text(spec, "externalTrafficPolicy") == "Local",
    )


def _service_port(port: Json) -> ServicePort:
    own = number(port, "port") or 0
    return ServicePort(text(port, "name"), own, number(port, "nodePort") or None, _either(port, "targetPort") or str(own), text(port, "appProtocol"))


def _either(holder: object, key: str) -> str:
    """A number or a name, as text; empty where there is neither."""
    found = number(holder, key)
    return text(holder, key) if found is None else str(found)


def route(found: Json) -> Route:
    spec = part(found, "spec")
    service_name = text(spec, "to", "name") if text(spec, "to", "kind") in ("", "Service") else ""
    others = [other for other in entries(spec, "alternateBackends") if number(other, "weight") != 0]
    admitted = [text(router, "host") for router in entries(found, "status", "ingress") if holds(router, "Admitted", "conditions")]
    return Route(
        meta(found),
        Backend(service_name, _either(part(spec, "port"), "targetPort"), not others),
        next((host for host in admitted if host), ""),
        text(spec, "path"),
        text(spec, "tls", "termination"),
        text(spec, "tls", "insecureEdgeTerminationPolicy") or "None",
    )


def ingress(found: Json) -> Ingress:
    spec = part(found, "spec")
    rules = [
        Rule((text(rule, "host"),) if text(rule, "host") else (), text(path, "path"), _ingress_backend(part(path, "backend")))
        for rule in entries(spec, "rules")
        for path in entries(rule, "http", "paths")
    ]
    if fallback := part(spec, "defaultBackend"):
        rules.append(Rule((), "", _ingress_backend(fallback)))
    return Ingress(
        meta(found),
        _few(rules),
        _secure_hosts(spec),
        tuple(text(address, "hostname") or text(address, "ip") for address in entries(found, "status", "loadBalancer", "ingress")),
        text(found, "metadata", "annotations", "nginx.ingress.kubernetes.io/ssl-redirect") != "false",
    )


def _few(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(islice(dict.fromkeys(rules), MOST_RULES))


def _secure_hosts(spec: Json) -> tuple[str, ...]:
    """The hosts with TLS. Any, where they are too many to be looked through.

    A host that is wrongly taken for one with TLS costs a way, and no secret.
    """
    hosts = dict.fromkeys(host for tls in entries(spec, "tls") for host in (texts(tls, "hosts") or ("*",)))
    return tuple(hosts) if len(hosts) <= MOST_RULES else ("*",)


def _ingress_backend(backend: Json) -> Backend:
    port = part(backend, "service", "port")
    return Backend(text(backend, "service", "name"), text(port, "name") or _either(port, "number"))


def http_route(found: Json) -> HttpRoute:
    own = text(found, "metadata", "namespace")
    accepted = {
        _parent_key(part(parent, "parentRef"), own)
        for parent in entries(found, "status", "parents")
        if holds(parent, "Accepted", "conditions") and holds(parent, "ResolvedRefs", "conditions")
    }
    parents = [_parent_key(parent, own) for parent in entries(found, "spec", "parentRefs") if text(parent, "kind") in ("", "Gateway")]
    hosts = texts(found, "spec", "hostnames")
    return HttpRoute(
        meta(found),
        tuple(Parent(*key, accepted=key in accepted) for key in parents),
        _few(
            Rule(hosts, path, backend)
            for rule in entries(found, "spec", "rules")
            if (backend := _gateway_backend(rule, own)) is not None
            for path in (_paths(rule) or ("",))
        ),
    )


def _parent_key(parent: Json, own: str) -> tuple[str, str, str]:
    return text(parent, "namespace") or own, text(parent, "name"), text(parent, "sectionName")


def _paths(rule: Json) -> tuple[str, ...]:
    """The paths that a rule is for.

    A rule that asks for more than a path, such as a header or a method, is for none that can be told.
    """
    return tuple(
        text(match, "path", "value") if text(match, "path", "type") in ("", "PathPrefix") and not match.keys() - {"path"} else "?"
        for match in entries(rule, "matches")
    )


def _gateway_backend(rule: Json, own: str) -> Backend | None:
    backends = [
        backend
        for backend in entries(rule, "backendRefs")
        if number(backend, "weight") != 0 and text(backend, "kind") in ("", "Service") and text(backend, "namespace") in ("", own)
    ]
    return Backend(text(backends[0], "name"), _either(backends[0], "port"), len(backends) == 1) if backends else None


def gateway(found: Json) -> Gateway:
    return Gateway(
        meta(found),
        tuple(
            Listener(text(listener, "name"), number(listener, "port") or 0, text(listener, "protocol"), text(listener, "hostname"))
            for listener in entries(found, "spec", "listeners")
        ),
    )


def node(found: Json) -> Node:
    addresses = list(entries(found, "status", "addresses"))
    return Node(
        meta(found),
        holds(found, "Ready", "status", "conditions") and part(found, "spec").get("unschedulable") is not True,
        tuple(text(address, "address") for address in addresses if text(address, "type") == "ExternalIP" and text(address, "address")),
        text(found, "metadata", "labels", "topology.kubernetes.io/zone"),
    )


def endpoint_slice(found: Json) -> Slice:
    endpoints = [(address, endpoint) for endpoint in entries(found, "endpoints") for address in texts(endpoint, "addresses")[:1]]
    # a slice may be written to hold names, which would lead anywhere
    pods = tuple(_pod(address, endpoint) for address, endpoint in endpoints if is_address(address))
    return Slice(
        meta(found),
        text(found, "metadata", "labels", "kubernetes.io/service-name"),
        pods,
        {text(port, "name"): own for port in entries(found, "ports") if (own := number(port, "port")) is not None},
        names=len(pods) < len(endpoints),
        objection=next((why for pod in pods if (why := _NO_PODS.objection(pod.address)) is not None), ""),
    )


def _pod(address: str, endpoint: Json) -> Pod:
    return Pod(
        _label(_POD_NAME, text(endpoint, "targetRef", "name")) or address,
        address,
        part(endpoint, "conditions").get("ready") is not False,
        text(endpoint, "nodeName"),
        _label(_ZONE, text(endpoint, "zone")),
    )


def _label(form: re.Pattern[str], written: str) -> str:
    """A text that becomes a label.

    Empty where it has not the form that it has in a cluster: a slice may hold anything.
    """
    return written if form.fullmatch(written) else ""


def inference_service(found: Json) -> InferenceService:
    own = meta(found)
    return InferenceService(
        own,
        "InferenceService",
        holds(found, "Ready", "status", "conditions"),
        text(found, "status", "url"),
        text(found, "status", "address", "url"),
        text(found, "spec", "predictor", "model", "runtime") or _image(found, "spec", "predictor", "containers"),
        f"{own.name}-predictor",
    )


def llm_inference_service(found: Json) -> InferenceService:
    """As KServe's LLMInferenceService of v1alpha1 is: its gateway leads to it by a path of its namespace and name.

    Source: https://github.com/kserve/kserve, pkg/apis/serving/v1alpha1/llm_inference_service_types.go and
    config/llmisvcconfig.
    """
    own = meta(found)
    addresses = [text(address, "url") for address in entries(found, "status", "addresses")]
    inside = (address for address in addresses if f".{own.namespace}.svc" in address)
    return InferenceService(
        own,
        "LLMInferenceService",
        holds(found, "Ready", "status", "conditions"),
        text(found, "status", "url"),
        next(inside, "") or text(found, "status", "address", "url"),
        text(found, "spec", "runtime") or _image(found, "spec", "template", "containers"),
        f"{own.name}-kserve-workload-svc",
        f"/{own.namespace}/{own.name}",
    )


def _image(found: Json, *path: str) -> str:
    """The last part of the image's name, of the first container there."""
    return next((text(container, "image").rpartition("/")[2] for container in entries(found, *path)), "")
