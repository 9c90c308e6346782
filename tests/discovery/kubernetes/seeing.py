"""What is seen of a cluster that is made of objects, without an API between."""

from __future__ import annotations

from config.kubernetes import Kubernetes
from config.model import Config
from discovery.kubernetes.asking import Found, matched
from discovery.kubernetes.candidates import Candidate, PassedOver, candidates
from discovery.kubernetes.kinds import KINDS
from discovery.kubernetes.objects import Object
from discovery.kubernetes.snapshot import Snapshot, snapshot
from tests.cluster.objects import NAMESPACE, Json


def settings(**changes: object) -> Kubernetes:
    return Kubernetes.model_validate({"namespaces": (NAMESPACE,), **changes})


def read(found: Json) -> Object:
    plural = {"Ingress": "ingresses"}.get(found["kind"], f"{found['kind'].lower()}s")
    kind = next(kind for kind in KINDS if kind.plural == plural)
    return kind.read(found)


def cluster(*found: Json) -> Snapshot:
    return snapshot(read(one) for one in found)


def seen(*found: Json, **changes: object) -> tuple[dict[str, Candidate], list[PassedOver]]:
    """The candidates by name, and what is passed over."""
    chosen, passed_over = candidates(cluster(*found), settings(**changes))
    return {one.name: one for one in chosen}, passed_over


def only(*found: Json, **changes: object) -> Candidate:
    chosen, _ = seen(*found, **changes)
    (one,) = chosen.values()
    return one


def found(one: Candidate, config: Config, *, backend: str = "vllm", url: str | None = None, note: str = "") -> Found:
    """The engine that a candidate would be found to be under a configuration."""
    return Found(one, one.backend or backend, url or one.way.url, matched(one, config), note)
