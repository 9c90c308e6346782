"""From the cluster's objects to candidates, which may become targets: which engine, by which way. Pure.

Whatever is passed over is named, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from config.credentials import ClusterPlace
from config.kubernetes import Kubernetes
from discovery.kubernetes.annotations import AnnotationError, Wishes, wishes
from discovery.kubernetes.inside import is_inside, is_of_namespace
from discovery.kubernetes.objects import LLM_NAME, LLM_PART_OF, OURS, PART_OF, InferenceService, Pod, Service, ServicePort, Slice
from discovery.kubernetes.snapshot import Snapshot
from discovery.kubernetes.ways import Way, best_way, service_host, service_way
from probes import backends
from traffic.roster import Replica

BY_SERVICE = "/service"
"""Ends the name of a target that is reached by its Service, where it is also reached by another way."""
MOST_REPLICAS = 100
"""Pods of one target whose own metrics are read. Whoever may write an EndpointSlice cannot have us ask thousands of
addresses."""
_PORT_NAMES = ("http", "https", "http1", "h2c", "api", "openai", "web", "http-api")
_PORT_NUMBERS = (3000, 80, 443, 8443)
"""Besides those that engines usually have."""
_NOT_OF_CHATS = ("metrics", "prometheus", "admin", "debug", "health")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may become a target.

    `backend` and `model` are what its owner says, None where nothing is said. `age` puts the older first.
    `against_others` says why ways that are preferred to this one are not taken.
    """

    name: str
    place: ClusterPlace
    way: Way
    backend: str | None
    model: str | None
    replicas: tuple[Replica, ...]
    age: tuple[str, str, str]
    against_others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What is no target, or not wholly, and why. `silent` is whether nobody would expect it to be one."""

    name: str
    why: str
    silent: bool = False


def candidates(snapshot: Snapshot, settings: Kubernetes) -> tuple[list[Candidate], list[PassedOver]]:
    """All candidates that the selector chooses, the older first, each name once; and what is passed over."""
    found: list[Candidate] = []
    by_name: dict[str, Candidate] = {}
    passed_over: list[PassedOver] = []
    served = {(one.kind, one.meta.full_name) for one in snapshot.inference_services}
    looked_at = [
        *(_of_service(one, snapshot, settings, served) for one in snapshot.services),
        *(_of_inference_service(one, snapshot, settings) for one in snapshot.inference_services),
    ]
    for outcome in looked_at:
        for one in outcome:
            if isinstance(one, Candidate):
                found.append(one)
            else:
                passed_over.append(one)
    # a Service and an InferenceService may have one name
    for one in sorted(found, key=lambda one: (one.age, one.name)):
        by_name.setdefault(one.name, one)
    passed_over.extend(PassedOver(one.name, "its name is that of an older one") for one in found if by_name[one.name] is not one)
    return list(by_name.values()), sorted(passed_over, key=lambda one: (one.name, one.why))


def _of_service(service: Service, snapshot: Snapshot, settings: Kubernetes, served: set[tuple[str, str]]) -> Iterator[Candidate | PassedOver]:
    name = service.meta.full_name
    kind, owner = _owner(service)
    if (kind, f"{service.meta.namespace}/{owner}") in served:
        yield PassedOver(name, f"is a part of {kind} {owner}", silent=True)
        return
    try:
        wanted = wishes(service.meta)
        port = _port(service, wanted)
    except AnnotationError as error:
        yield PassedOver(name, str(error))
        return
    yield from _ignored(name, wanted)
    if wanted.probe == "false":
        yield PassedOver(name, f"is annotated {OURS}probe: false", silent=True)
        return
    if service.kind == "ExternalName":
        yield PassedOver(name, "is of type ExternalName, which leads anywhere; write it under targets in the main configuration")
        return
    if port is None:
        yield PassedOver(name, "has no TCP port")
        return
    best, against = best_way(service, port, snapshot, settings)
    if best is None:
        yield PassedOver(name, f"is reached by none of {', '.join(settings.prefer)}" + (f": {'; '.join(against)}" if against else ""))
        return
    pieces = snapshot.slices.get((service.meta.namespace, service.meta.name), ())
    if (text := _refused(pieces)) is not None:
        yield PassedOver(name, text)
        return
    candidate = Candidate(
        name,
        ClusterPlace(service.meta.namespace, service.meta.name),
        best,
        wanted.backend,
        wanted.model,
        _replicas(pieces, port.name, best, service_host(service.meta.namespace, service.meta.name, settings)),
        service.meta.age,
        tuple(against),
    )
    yield candidate
    yield from _unread(name, pieces)
    if (wanted.probe or settings.probe) == "both" and best.kind != "service":
        yield replace(candidate, name=name + BY_SERVICE, way=service_way(service, port, settings), replicas=(), against_others=())


def _owner(service: Service) -> tuple[str, str]:
    """Kind and name of what KServe has made a Service for. The name is empty where it has not made it."""
    label, value = LLM_PART_OF
    if service.meta.labels.get(label) == value:
        return "LLMInferenceService", service.meta.labels.get(LLM_NAME, "")
    return "InferenceService", service.meta.labels.get(PART_OF, "")


def _of_inference_service(found: InferenceService, snapshot: Snapshot, settings: Kubernetes) -> Iterator[Candidate | PassedOver]:
    meta = found.meta
    name = meta.full_name
    try:
        wanted = wishes(meta)
    except AnnotationError as error:
        yield PassedOver(name, str(error))
        return
    yield from _ignored(name, wanted)
    if wanted.probe == "false":
        yield PassedOver(name, f"is annotated {OURS}probe: false", silent=True)
        return
    outside = found.url if {"route", "ingress"} & set(settings.prefer) else ""
    inside = found.address if "service" in settings.prefer else ""
    if not outside and not inside:
        yield PassedOver(name, "has no URL yet that discovery.kubernetes.prefer allows for; look at its conditions")
        return
    if (text := _objection(outside or inside, found, settings)) is not None:
        yield PassedOver(name, text)
        return
    pieces = snapshot.slices.get((meta.namespace, found.workload), ())
    if (text := _refused(pieces)) is not None:
        yield PassedOver(name, text)
        return
    secure_pods = any(port.startswith("https") for piece in pieces for port in piece.ports)
    way = _kserve_way(outside or inside, inside=not outside, secure_pods=secure_pods)
    candidate = Candidate(
        name,
        ClusterPlace(meta.namespace, meta.name),
        way,
        wanted.backend or backends.mentioned_in(found.runtime),
        wanted.model,
        _replicas(pieces, "", way, service_host(meta.namespace, found.workload, settings)),
        meta.age,
    )
    yield candidate
    yield from _unread(name, pieces)
    if (wanted.probe or settings.probe) == "both" and outside and found.address:
        itself = replace(candidate, name=name + BY_SERVICE, way=_kserve_way(found.address, inside=True, secure_pods=secure_pods), replicas=())
        text = _objection(found.address, found, settings)
        yield itself if text is None else PassedOver(itself.name, text)


def _kserve_way(url: str, *, inside: bool, secure_pods: bool) -> Way:
    secure = url.startswith("https://")
    through = "KServe, inside of the cluster" if inside else "KServe"
    return Way("kserve", through, url.rstrip("/"), "gateway" if secure else None, "refused" if secure else "allowed", secure_pods=secure_pods)


def _objection(url: str, found: InferenceService, settings: Kubernetes) -> str | None:
    """What speaks against the URL of an InferenceService. The URL may hold a password, and is not repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "has a URL that is none"
    if parts.username is not None or parts.password is not None:
        return "has a URL with a user or a password, which is not taken from a cluster; write it under credentials in the main configuration"
    path = parts.path.rstrip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or path not in ("", found.path) or parts.query or parts.fragment:
        return f"has a URL that is not one of scheme, host and port alone{f', nor with the path {found.path}' if found.path else ''}"
    if is_inside(url, settings) and not is_of_namespace(url, found.meta.namespace, settings):
        return "has a URL inside of the cluster, or one that may be (its host has fewer than two dots), that is not of its own namespace"
    return None


def _ignored(name: str, wanted: Wishes) -> Iterator[PassedOver]:
    for key in wanted.ignored:
        yield PassedOver(name, f"annotation {key} is not taken from a cluster; write what is secret under credentials in the main configuration")


def _port(service: Service, wanted: Wishes) -> ServicePort | None:
    """The port that chats go to: the annotated one, else the likeliest. Raises `AnnotationError`."""
    if wanted.port is not None:
        named = next((port for port in service.ports if wanted.port in (port.name, str(port.number))), None)
        if named is None:
            raise AnnotationError(f"annotation {OURS}port names no TCP port of the Service")
        return named
    likely = [port for port in service.ports if port.name not in _NOT_OF_CHATS and not port.name.endswith("-metrics")]
    by_name = [port for name in _PORT_NAMES for port in likely if port.name == name]
    by_number = [port for number in (*backends.usual_ports(), *_PORT_NUMBERS) for port in likely if port.number == number]
    return next(iter([*by_name, *by_number, *likely]), None)


def _replicas(pieces: Sequence[Slice], port_name: str, way: Way, server_name: str) -> tuple[Replica, ...]:
    """A replica for each ready pod, by name, up to the bound.

    A pod that is in two slices, as in dual-stack Services, is one replica.
    """
    found: dict[str, Replica] = {}
    for piece in pieces:
        port = piece.ports.get(port_name, next(iter(piece.ports.values()), None) if len(piece.ports) == 1 else None)
        for pod in piece.pods:
            if pod.ready and port is not None and pod.name not in found:
                found[pod.name] = _replica(pod, port, way, server_name)
    return tuple(found[name] for name in sorted(found)[:MOST_REPLICAS])


def _refused(pieces: Sequence[Slice]) -> str | None:
    """What speaks against a Service because of its slices.

    The Service's own address is as good as any, but it leads on to theirs.
    """
    return next((f"has EndpointSlices with an address that is refused: {piece.objection}" for piece in pieces if piece.objection), None)


def _unread(name: str, pieces: Sequence[Slice]) -> Iterator[PassedOver]:
    """Says where the own metrics of some pods are not read."""
    if any(piece.names for piece in pieces):
        yield PassedOver(name, "has EndpointSlices with names in place of addresses; metrics are read from addresses alone")
    if len({pod.name for piece in pieces for pod in piece.pods if pod.ready}) > MOST_REPLICAS:
        yield PassedOver(name, f"has more than {MOST_REPLICAS} ready pods; the metrics of the first {MOST_REPLICAS} are read")


def _replica(pod: Pod, port: int, way: Way, server_name: str) -> Replica:
    host = f"[{pod.address}]" if ":" in pod.address else pod.address
    scheme = "https" if way.secure_pods else "http"
    return Replica(pod.name, f"{scheme}://{host}:{port}", server_name if way.secure_pods else None, pod.zone)
