"""Discovery in Kubernetes and OpenShift: where to look, for what, and which way to an engine is preferred."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, Strict

from config.base import Section
from config.rules import refuse_repeats
from probes import backends

WayName = Literal["route", "ingress", "nodeport", "service"]
WAYS: tuple[WayName, ...] = get_args(WayName)

_SELECTOR = f"app in ({','.join(name for name, backend in backends.BACKENDS.items() if not backend.generic)})"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_KEY = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(rf"\s*(!?\s*{_KEY}|{_KEY}\s*(=|==|!=)\s*{_VALUE}|{_KEY}\s+(in|notin)\s*\(\s*{_VALUE}(\s*,\s*{_VALUE})*\s*\))\s*", re.ASCII)
_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")


def _namespace(written: str) -> str:
    if not _NAMESPACE.fullmatch(written):
        raise ValueError("is no name of a namespace; write each by its name, patterns are not possible here")
    return written


def _namespaces(written: tuple[str, ...]) -> tuple[str, ...]:
    if not written:
        raise ValueError("is empty; name at least one namespace, no other is looked into")
    refuse_repeats(written, "namespace")
    return written


def _selector(written: str) -> str:
    if not all(_REQUIREMENT.fullmatch(part) for part in _OUTSIDE_PARENTHESES.split(written)):
        raise ValueError(f"is not a selector of labels; write one like {_SELECTOR}, or chatprobe.io/probe=true")
    return written


def _ways(written: tuple[WayName, ...]) -> tuple[WayName, ...]:
    if not written:
        raise ValueError(f"is empty; name at least one of {', '.join(WAYS)}")
    refuse_repeats(written, "way")
    return written


def _cluster_domain(written: str) -> str:
    if not _DOMAIN.fullmatch(written):
        raise ValueError("is not the domain of a cluster; write one like cluster.local")
    return written


class Kubernetes(Section):
    """Where in a cluster engines are found, and how they are reached."""

    namespaces: Annotated[tuple[Annotated[str, AfterValidator(_namespace)], ...], Strict(False), AfterValidator(_namespaces)] = Field(
        max_length=50, description="namespaces to look into, by name, and no others"
    )
    selector: Annotated[str, AfterValidator(_selector)] = Field(
        default=_SELECTOR, description="labels of the Services and InferenceServices that are engines"
    )
    prefer: Annotated[tuple[WayName, ...], Strict(False), AfterValidator(_ways)] = Field(
        default=WAYS, description="ways to an engine, the best first; what is left out is not used, and not watched"
    )
    probe: Literal["best", "both"] = Field(
        default="best", description="`both`: where the best way leads through a router, the Service itself is one more target"
    )
    cluster_domain: Annotated[str, AfterValidator(_cluster_domain)] = Field(
        default="cluster.local", description="what the names of Services end in, after `NAME.NAMESPACE.svc`"
    )
    kubeconfig: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="how the cluster is reached; left out: as a pod's own service account, else as `kubectl` would"
    )
    context: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="context of the kubeconfig; left out: its current one")
    loopback: bool = Field(default=False, description="whether targets may be at loopback addresses: for a cluster on one's own machine")
