"""The kinds of objects that are watched: where the API has them, and what is kept of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.kubernetes import Kubernetes
from discovery.kubernetes import reading
from discovery.kubernetes.fields import Json
from discovery.kubernetes.objects import Object
from discovery.kubernetes.rbac import DISCOVERY, needed


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects, as the API has it.

    `group` is empty for the core API, which every cluster has. Other groups may be missing.
    """

    group: str
    version: str
    plural: str

    @property
    def written(self) -> str:
        """As Kubernetes writes it in messages: `routes.route.openshift.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Kind(Resource):
    """A kind that is watched.

    `read` keeps what is needed of an object. `labelled` kinds are chosen by the selector.
    """

    read: Callable[[Json], Object]
    namespaced: bool = True
    labelled: bool = False


SERVICES = Kind("", "v1", "services", reading.service, labelled=True)
SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", reading.endpoint_slice)
INFERENCE_SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices", reading.inference_service, labelled=True)
LLM_INFERENCE_SERVICES = Kind("serving.kserve.io", "v1alpha1", "llminferenceservices", reading.llm_inference_service, labelled=True)
ROUTES = Kind("route.openshift.io", "v1", "routes", reading.route)
INGRESSES = Kind("networking.k8s.io", "v1", "ingresses", reading.ingress)
HTTP_ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes", reading.http_route)
GATEWAYS = Kind("gateway.networking.k8s.io", "v1", "gateways", reading.gateway)
NODES = Kind("", "v1", "nodes", reading.node, namespaced=False)

PODS = Resource("", "v1", "pods")
CLAIMS = Resource("", "v1", "persistentvolumeclaims")
"""This and `PODS` are listed where somebody asks whether the cluster is fit."""

KINDS = (SERVICES, SLICES, INFERENCE_SERVICES, LLM_INFERENCE_SERVICES, ROUTES, INGRESSES, HTTP_ROUTES, GATEWAYS, NODES)


def is_of_ways(kind: Kind) -> bool:
    """Whether the kind is for some ways to an engine alone, so that one can do without it."""
    return any(right.ways for right in DISCOVERY if (right.group, right.resource) == (kind.group, kind.plural))


def watched(settings: Kubernetes) -> tuple[tuple[Kind, str | None], ...]:
    """Each kind that the preferred ways need, with each namespace. The namespace is None for a kind that has none."""
    wanted = {(right.group, right.resource) for right in needed(settings.prefer)}
    kinds = [kind for kind in KINDS if (kind.group, kind.plural) in wanted]
    return tuple((kind, namespace) for kind in kinds for namespace in (settings.namespaces if kind.namespaced else (None,)))
