"""The cluster at one moment, as far as it is known, with an index from each Service to what leads to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from discovery.kubernetes.objects import Gateway, HttpRoute, InferenceService, Ingress, Node, Object, Pod, Route, Rule, Service, Slice

_Key = tuple[str, str]
"""Namespace and name of a Service."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that was found, each kind in a steady order.

    Of an Ingress or an HTTPRoute that leads to a Service, only the rules for that Service are there.
    """

    services: tuple[Service, ...]
    inference_services: tuple[InferenceService, ...]
    nodes: tuple[Node, ...]
    gateways: Mapping[_Key, Gateway]
    routes: Mapping[_Key, Sequence[Route]]
    ingresses: Mapping[_Key, Sequence[Ingress]]
    http_routes: Mapping[_Key, Sequence[HttpRoute]]
    slices: Mapping[_Key, Sequence[Slice]]

    def routes_to(self, service: Service) -> Sequence[Route]:
        return self.routes.get(_key(service), ())

    def ingresses_to(self, service: Service) -> Sequence[Ingress]:
        return self.ingresses.get(_key(service), ())

    def http_routes_to(self, service: Service) -> Sequence[HttpRoute]:
        return self.http_routes.get(_key(service), ())

    def pods_of(self, namespace: str, service: str) -> tuple[Pod, ...]:
        return tuple(pod for piece in self.slices.get((namespace, service), ()) for pod in piece.pods)


def snapshot(objects: Iterable[Object]) -> Snapshot:
    """Put all objects in order."""
    services: list[Service] = []
    inference_services: list[InferenceService] = []
    nodes: list[Node] = []
    gateways: dict[_Key, Gateway] = {}
    routes: dict[_Key, list[Route]] = defaultdict(list)
    ingresses: dict[_Key, list[Ingress]] = defaultdict(list)
    http_routes: dict[_Key, list[HttpRoute]] = defaultdict(list)
    slices: dict[_Key, list[Slice]] = defaultdict(list)
    for found in sorted(objects, key=lambda found: found.meta.age):
        namespace = found.meta.namespace
        match found:
            case Service():
                services.append(found)
            case InferenceService():
                inference_services.append(found)
            case Node():
                nodes.append(found)
            case Gateway():
                gateways[namespace, found.meta.name] = found
            case Route():
                routes[namespace, found.backend.service].append(found)
            case Ingress():
                for name, rules in _by_service(found.rules):
                    ingresses[namespace, name].append(replace(found, rules=rules))
            case HttpRoute():
                for name, rules in _by_service(found.rules):
                    http_routes[namespace, name].append(replace(found, rules=rules))
            case Slice():
                slices[namespace, found.service].append(found)
    return Snapshot(tuple(services), tuple(inference_services), tuple(nodes), gateways, routes, ingresses, http_routes, slices)


def _by_service(rules: Iterable[Rule]) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        found[rule.backend.service].append(rule)
    yield from ((name, tuple(of_service)) for name, of_service in found.items())


def _key(service: Service) -> _Key:
    return service.meta.namespace, service.meta.name
