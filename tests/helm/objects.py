"""Whether rendered objects are what Kubernetes takes, and what its restricted Pod Security Standard and OpenShift's `restricted-v2` let run."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils

from tests import crds

for _read in ("schema_contents", "all_versions"):  # kubernetes-validate reads its files, of megabytes, for each object anew
    setattr(utils, _read, functools.cache(getattr(utils, _read)))

Json = dict[str, Any]

CRDS = {names["kind"]: names["plural"] for file in crds.FOLDER.glob("*.json") for names in [json.loads(file.read_text())["spec"]["names"]]}
IDENTITIES = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions")
"""What OpenShift gives each namespace a range of: an object that says one of them itself is refused."""
VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")


def problems(object_: Json, version: str) -> tuple[str, ...]:
    """What is wrong with an object by its schema; unknown keys too. `version` is that of Kubernetes, like `v1.33.0`.

    Many examples have the same object, which is looked at once.
    """
    return _problems(json.dumps(object_), version)


@functools.cache
def _problems(written: str, version: str) -> tuple[str, ...]:
    return tuple(_found(json.loads(written), version))


def _found(object_: Json, version: str) -> Iterator[str]:
    if object_["kind"] in CRDS:
        yield from crds.problems(CRDS[object_["kind"]], object_)
        return
    try:
        kubernetes_validate.validate(object_, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"


def pod(object_: Json) -> Json | None:
    """The specification of the pod in an object, if it has one."""
    spec: Json | None = object_.get("spec") if object_["kind"] == "Pod" else object_.get("spec", {}).get("template", {}).get("spec")
    return spec


def containers(spec: Json) -> list[Json]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def unrestricted(spec: Json) -> Iterator[str]:
    """What in a pod's specification `restricted-v2` refuses, and what of ours goes beyond: nothing is writable but volumes."""
    security = spec["securityContext"]
    if security.get("runAsNonRoot") is not True or security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield f"the pod's security context is {security}"
    yield from (f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if key in spec)
    for volume in spec.get("volumes", []):
        if not (volume.keys() - {"name"}) <= set(VOLUMES):
            yield f"volume {volume['name']} is none of {', '.join(VOLUMES)}"
    for container in containers(spec):
        held = container["securityContext"]
        if held != {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}:
            yield f"container {container['name']}: security context is {held}"


def identities(part: Any) -> Iterator[str]:
    """Every fixed identity in it, wherever."""
    if isinstance(part, list):
        for each in part:
            yield from identities(each)
    elif isinstance(part, dict):
        yield from (key for key in part if key in IDENTITIES)
        for each in part.values():
            yield from identities(each)
