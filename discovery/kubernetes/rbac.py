"""The rights that chatprobe needs in a cluster. This is the one list of them: roles grant these, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.kubernetes import WayName

Scope = Literal["namespace", "cluster"]


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one kind of objects.

    `group` is empty for the core API. `scope` says whether a Role in each namespace is enough. `ways` are those of
    `discovery.kubernetes.prefer` that need it, empty where every one does. `names` are the only objects meant, empty
    for all; where it is chatprobe's `own`, it is the one object that chatprobe is told the name of.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    scope: Scope
    why: str
    ways: tuple[WayName, ...] = ()
    names: tuple[str, ...] = ()
    own: bool = False

    @property
    def written(self) -> str:
        """As Kubernetes writes it in messages: `routes.route.openshift.io`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


_WATCH = ("list", "watch")

DISCOVERY = (
    Right("", "services", _WATCH, "namespace", "which engines there are"),
    Right("discovery.k8s.io", "endpointslices", _WATCH, "namespace", "which pods are ready behind each, for their own metrics, and in which zones"),
    Right("serving.kserve.io", "inferenceservices", _WATCH, "namespace", "engines that KServe runs"),
    Right("serving.kserve.io", "llminferenceservices", _WATCH, "namespace", "engines that KServe runs behind a gateway"),
    Right("route.openshift.io", "routes", _WATCH, "namespace", "the way through OpenShift's router", ("route",)),
    Right("networking.k8s.io", "ingresses", _WATCH, "namespace", "the way through an ingress controller", ("ingress",)),
    Right("gateway.networking.k8s.io", "httproutes", _WATCH, "namespace", "the way through a gateway", ("ingress",)),
    Right("gateway.networking.k8s.io", "gateways", _WATCH, "namespace", "at which port and protocol a gateway listens", ("ingress",)),
    Right("", "nodes", _WATCH, "cluster", "which nodes have external addresses, for NodePorts", ("nodeport",)),
)
"""For `serve` and `discover`."""

LEASE = (
    Right("coordination.k8s.io", "leases", ("get", "update"), "namespace", "one of several replicas probes", own=True),
    Right("coordination.k8s.io", "leases", ("create",), "namespace", "where the lease is not there; Kubernetes cannot limit this to a name"),
)
"""For `serve --lease`, in the lease's namespace."""

VALIDATION = (
    *DISCOVERY,
    Right("", "nodes", ("list",), "cluster", "which nodes have GPUs"),
    Right("", "pods", ("list",), "cluster", "which GPUs are taken, by whomever, and on which nodes engines run"),
    Right("", "persistentvolumeclaims", ("list",), "namespace", "whether storage is bound"),
    Right("", "configmaps", ("get",), "cluster", "whether monitoring of user workloads is on (OpenShift)", names=("cluster-monitoring-config",)),
)
"""For `validate`, which a person runs, and no exporter."""


def needed(ways: Sequence[WayName]) -> tuple[Right, ...]:
    """What discovery needs where these ways are preferred."""
    return tuple(right for right in DISCOVERY if not right.ways or any(way in ways for way in right.ways))
