"""What is kept of the cluster's objects: as much as it takes to find a way to an engine, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OURS = "chatprobe.io/"
"""What our annotations and labels begin with."""
WISHES = ("probe", "backend", "model", "port")
"""What follows there, of the annotations that are read."""
ENGINE_LABELS = ("app.kubernetes.io/name", "app", "app.kubernetes.io/component")
"""Labels that usually name an engine, the likeliest first."""
PART_OF = "serving.kserve.io/inferenceservice"
"""The label that KServe gives to what it makes for an InferenceService."""
LLM_PART_OF = ("app.kubernetes.io/part-of", "llminferenceservice")
"""The label, with its value, that KServe gives to what it makes for an LLMInferenceService."""
LLM_NAME = "app.kubernetes.io/name"
"""The label there that has the name of the LLMInferenceService."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What all objects have. `created` sorts by time.

    `labels` and `annotations` are those that are read here. Of other annotations that are meant for chatprobe there are
    a few, without values.
    """

    namespace: str
    name: str
    created: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def full_name(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def age(self) -> tuple[str, str, str]:
        """Sorts the older first. The order of two objects does not depend on others."""
        return self.created, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service. `target` is the pods' port, by number or name."""

    name: str
    number: int
    node_port: int | None
    target: str
    app_protocol: str


@dataclass(frozen=True, slots=True)
class Service:
    """What engines are reached by.

    `balancers` are the external addresses that a load balancer gave it. `local_only` is whether a node forwards to its
    own pods only.
    """

    meta: Meta
    kind: str
    headless: bool
    ports: tuple[ServicePort, ...]
    balancers: tuple[str, ...]
    local_only: bool


@dataclass(frozen=True, slots=True)
class Backend:
    """The Service, of the same namespace, that something leads to, and its port by number or name.

    `alone` is whether it leads to no other besides.
    """

    service: str
    port: str
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """OpenShift's Route.

    `host` is where a router has admitted it, empty if none has. `insecure` is what becomes of plain HTTP.
    """

    meta: Meta
    backend: Backend
    host: str
    path: str
    termination: str
    insecure: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One path of an Ingress, or one rule of an HTTPRoute. `hosts` are names, empty for any."""

    hosts: tuple[str, ...]
    path: str
    backend: Backend


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress.

    `secure` are the hosts that it serves with TLS. `addresses` are where a controller serves it, empty if none does.
    """

    meta: Meta
    rules: tuple[Rule, ...]
    secure: tuple[str, ...]
    addresses: tuple[str, ...]
    redirects: bool


@dataclass(frozen=True, slots=True)
class Parent:
    """The Gateway that an HTTPRoute belongs to, and whether it has accepted it.

    `section` is one of its listeners, empty for all.
    """

    namespace: str
    name: str
    section: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """The Gateway API's HTTPRoute."""

    meta: Meta
    parents: tuple[Parent, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """One port of a Gateway. `host` is empty for any."""

    name: str
    port: int
    protocol: str
    host: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """The Gateway API's Gateway, which HTTPRoutes belong to."""

    meta: Meta
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `external` are its addresses outside of the cluster. `ready` is whether it takes traffic."""

    meta: Meta
    ready: bool
    external: tuple[str, ...]
    zone: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One address of an EndpointSlice. `node` and `zone` are empty where it does not say."""

    name: str
    address: str
    ready: bool
    node: str
    zone: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the pods behind a Service, and their ports by the Service's port name.

    `names` is whether it has some pods by name, who are left out. `objection` is why nothing may be sent to the
    Service, which would lead on to this slice; empty if there is none.
    """

    meta: Meta
    service: str
    pods: tuple[Pod, ...]
    ports: Mapping[str, int]
    names: bool = False
    objection: str = ""


@dataclass(frozen=True, slots=True)
class InferenceService:
    """KServe's InferenceService or LLMInferenceService, as `kind` says.

    `url` is where it is reached from outside, `address` from inside of the cluster. `runtime` is the name of the
    runtime that serves it. For a predictor that brings a container of its own, it is the name of its image. `workload`
    is the Service that KServe makes for its pods. `path` is the one that its URLs may have, empty for none.
    """

    meta: Meta
    kind: str
    ready: bool
    url: str
    address: str
    runtime: str
    workload: str
    path: str = ""


Object = Service | Route | Ingress | HttpRoute | Gateway | Node | Slice | InferenceService
