"""What a comparison wants to know of a cluster beside its engines: GPUs, pods, storage, monitoring.

It is looked at once, for a person who may see it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import AbsentError, Api, ApiError
from discovery.kubernetes.fields import Json, entries, holds, part, text
from discovery.kubernetes.kinds import CLAIMS, NODES, PODS, ROUTES, SLICES
from discovery.kubernetes.objects import Route, Slice

OPENSHIFT = ("config.openshift.io", "security.openshift.io")
"""Groups of APIs that OpenShift alone has. Others have a CRD of Routes too."""
MONITORING = ("openshift-monitoring", "cluster-monitoring-config")
MOST_PODS = 100_000
_GPU = re.compile(r"[a-z0-9.-]+/(gpu|gaudi|mig-[a-z0-9.-]+|xpu|i915|gpu\.shared)")
_OVER = ("Succeeded", "Failed")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be looked at. `why` says what would help."""

    why: str


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A ready node with GPUs: how many it has, and how many no pod has asked for."""

    name: str
    gpus: int
    free: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on storage, and its phase: `Bound`, `Pending`, `Lost`."""

    name: str
    phase: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    `hosting` are the nodes that ready pods of each Service run on, by `namespace/name`. `user_monitoring` is None where
    it is no OpenShift.
    """

    gpu_nodes: tuple[GpuNode, ...] | Unknown
    hosting: Mapping[str, frozenset[str]] | Unknown
    claims: tuple[Claim, ...] | Unknown
    routes: tuple[Route, ...] | Unknown
    user_monitoring: bool | Unknown | None


def survey(settings: Kubernetes) -> Survey:
    """Look at the cluster. What is not allowed to be seen is `Unknown`.

    Blocks. Raises `ApiError` where there is no cluster to talk to.
    """
    api = Api(settings)
    try:
        return Survey(
            _or_unknown(lambda: _gpu_nodes(api)),
            _or_unknown(lambda: _hosting(api, settings)),
            _or_unknown(lambda: tuple(claim for namespace in settings.namespaces for claim in _claims(api, namespace))),
            _or_unknown(lambda: _routes(api, settings)),
            _or_unknown(lambda: _user_monitoring(api)),
        )
    finally:
        api.close()


def _or_unknown(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except ApiError as error:
        return Unknown(str(error))


def _routes(api: Api, settings: Kubernetes) -> tuple[Route, ...]:
    """The Routes; none where the cluster has no such kind."""
    try:
        found = [item for namespace in settings.namespaces for item in api.whole(ROUTES, namespace)]
    except AbsentError:
        return ()
    return tuple(route for item in found if isinstance(route := ROUTES.read(item), Route))


def _gpu_nodes(api: Api) -> tuple[GpuNode, ...]:
    taken: Counter[str] = Counter()
    for pod in api.whole(PODS, None, most=MOST_PODS):
        if text(pod, "status", "phase") not in _OVER:
            taken[text(pod, "spec", "nodeName")] += _asked_for(pod)
    found = []
    for node in api.whole(NODES, None):
        name = text(node, "metadata", "name")
        gpus = _gpus(part(node, "status", "allocatable"))
        if gpus and holds(node, "Ready", "status", "conditions"):
            found.append(GpuNode(name, gpus, max(0, gpus - taken[name])))
    return tuple(found)


def _asked_for(pod: Json) -> int:
    """The GPUs that a pod asks for.

    They are those of all its containers together, or of the one that sets it up, where that asks for more.
    """
    together = sum(_gpus(part(container, "resources", "limits")) for container in entries(pod, "spec", "containers"))
    setting_up = (_gpus(part(container, "resources", "limits")) for container in entries(pod, "spec", "initContainers"))
    return max(together, *setting_up, 0)


def _gpus(resources: Json) -> int:
    return sum(int(count) for name, count in resources.items() if _GPU.fullmatch(name) and isinstance(count, str | int) and str(count).isdecimal())


def _hosting(api: Api, settings: Kubernetes) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for namespace in settings.namespaces:
        for item in api.whole(SLICES, namespace):
            read = SLICES.read(item)
            assert isinstance(read, Slice)
            name = f"{namespace}/{read.service}"
            found[name] = found.get(name, frozenset()) | {pod.node for pod in read.pods if pod.ready and pod.node}
    return found


def _claims(api: Api, namespace: str) -> Iterator[Claim]:
    for item in api.whole(CLAIMS, namespace):
        yield Claim(f"{namespace}/{text(item, 'metadata', 'name')}", text(item, "status", "phase"))


def _user_monitoring(api: Api) -> bool | None:
    """Whether OpenShift's monitoring of user workloads is on. None where it is no OpenShift."""
    if not any(api.serves(group, "v1") for group in OPENSHIFT):
        return None
    try:
        found = api.read("", "v1", MONITORING[0], "configmaps", MONITORING[1])
    except AbsentError:
        return False
    return re.search(r"^\s*enableUserWorkload:\s*true\s*(#.*)?$", text(found, "data", "config.yaml"), re.MULTILINE) is not None
