"""Whether a cluster is fit for a comparison of engines: each check with what was found, and what would mend it.

Pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from discovery.kubernetes.objects import Route
from discovery.kubernetes.survey import Survey, Unknown

Verdict = Literal["ok", "warning", "failed", "unknown"]

ROUTE_TIMEOUT = "haproxy.router.openshift.io/timeout"
ROUTER_DEFAULT_SECONDS = 30.0
"""How long OpenShift's router waits for a server where a Route does not say."""
_HAPROXY_TIME = re.compile(r"(\d+)(us|ms|s|m|h|d)?")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Subject:
    """One engine of the comparison, as it answered.

    `service` is its `namespace/name`, None where it is in no cluster.
    """

    name: str
    service: str | None
    backend: str
    healthy: bool
    models: tuple[str, ...]
    model: str | None
    ready_pods: int | None


@dataclass(frozen=True, slots=True)
class Check:
    """One check, and what came of it. `remedy` is empty where nothing is to be done."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def checks(subjects: Sequence[Subject], survey: Survey, longest_chat_seconds: float) -> Iterator[Check]:
    """Every check, in the order in which one would mend them."""
    yield _present(subjects)
    yield _healthy(subjects)
    yield _same_model(subjects)
    yield _gpu_nodes(survey)
    yield _free_gpus(subjects, survey)
    yield _separate_nodes(subjects, survey)
    yield _storage(survey)
    yield _route_timeouts(subjects, survey, longest_chat_seconds)
    yield _routes_hand_on(subjects, survey)
    yield _user_monitoring(survey)


def _present(subjects: Sequence[Subject]) -> Check:
    name = "engines present"
    backends = sorted({subject.backend for subject in subjects})
    if len(subjects) < 2:
        remedy = "deploy two engines at least, and see chatprobe discover for what was passed over"
        return Check(name, "failed", f"{len(subjects)} found, and a comparison needs two", remedy)
    return Check(name, "ok", f"{len(subjects)}: {', '.join(backends)}")


def _healthy(subjects: Sequence[Subject]) -> Check:
    name = "engines healthy"
    ill = [subject.name for subject in subjects if not subject.healthy]
    if ill:
        return Check(name, "failed", f"unhealthy: {', '.join(ill)}", "look at their pods and logs; chatprobe discover says what they answered")
    return Check(name, "ok", "all of them") if subjects else Check(name, "failed", "there are none", "deploy some")


def _same_model(subjects: Sequence[Subject]) -> Check:
    name = "same model on all"
    answering = [subject for subject in subjects if subject.models]
    silent = [subject.name for subject in subjects if not subject.models]
    if not answering:
        return Check(name, "unknown", "no engine lists its models", "mend their health first")
    known = [{_stem(model) for model in subject.models} for subject in answering]
    common = set.intersection(*known)
    chosen = {_stem(subject.model or subject.models[0]) for subject in answering}
    if not common:
        each = "; ".join(f"{subject.name}: {subject.models[0]}" for subject in answering)
        return Check(name, "failed", f"no model that all list ({each})", "serve one model on all, under one name: vLLM --served-model-name")
    if len(chosen) > 1:
        each = "; ".join(f"{subject.name}: {subject.model or subject.models[0]}" for subject in answering)
        return Check(name, "failed", f"chats would go to different ones ({each})", f"annotate each with chatprobe.io/model: {min(common)}")
    if silent:
        return Check(name, "warning", f"{min(common)} on those that answer; not known of {', '.join(silent)}", "mend their health")
    return Check(name, "ok", min(common))


def _stem(model: str) -> str:
    """The name of a model without what engines add to it: an organisation before it, a tag `latest` behind it."""
    return model.rpartition("/")[2].removesuffix(":latest").lower()


def _gpu_nodes(survey: Survey) -> Check:
    name = "GPU nodes"
    if isinstance(survey.gpu_nodes, Unknown):
        return _unseen(name, survey.gpu_nodes)
    if not survey.gpu_nodes:
        return Check(name, "failed", "no ready node has GPUs", "add GPU nodes, and the vendor's operator, which makes their GPUs known to Kubernetes")
    return Check(name, "ok", f"{len(survey.gpu_nodes)} with {sum(node.gpus for node in survey.gpu_nodes)} GPUs")


def _free_gpus(subjects: Sequence[Subject], survey: Survey) -> Check:
    name = "free GPUs"
    if isinstance(survey.gpu_nodes, Unknown):
        return _unseen(name, survey.gpu_nodes)
    free = sum(node.free for node in survey.gpu_nodes)
    waiting = [subject.name for subject in subjects if subject.ready_pods == 0]
    if waiting and free < len(waiting):
        return Check(
            name,
            "failed",
            f"{free} free, and without a ready pod: {', '.join(waiting)}",
            "free GPUs, or add nodes; kubectl describe pod says what each waits for",
        )
    if not free:
        return Check(name, "warning", "none: an engine that restarts elsewhere, or rolls out, would wait", "keep one free, or use strategy: Recreate")
    return Check(name, "ok", f"{free}")


def _separate_nodes(subjects: Sequence[Subject], survey: Survey) -> Check:
    name = "engines on separate nodes"
    if isinstance(survey.hosting, Unknown):
        return _unseen(name, survey.hosting)
    hosting = {service: _nodes_of(service, survey.hosting) for subject in subjects if (service := subject.service) is not None}
    shared = [
        f"{one} and {other} on {', '.join(sorted(nodes))}"
        for one, other in itertools.combinations(hosting, 2)
        if (nodes := hosting[one] & hosting[other])
    ]
    if shared:
        return Check(
            name, "failed", "; ".join(shared), "give their pods a podAntiAffinity with topologyKey kubernetes.io/hostname: they slow each other"
        )
    nowhere = [service for service, nodes in hosting.items() if not nodes]
    if nowhere or not hosting:
        return Check(name, "unknown", f"not known where {', '.join(nowhere) or 'any of them'} run", "mend their pods first")
    return Check(name, "ok", f"on {len(frozenset().union(*hosting.values()))} nodes")


def _nodes_of(service: str, hosting: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The nodes that a Service's pods run on.

    Of an InferenceService or an LLMInferenceService, those of the Service that KServe makes for its pods.
    """
    return next((nodes for made in ("", "-predictor", "-kserve-workload-svc") if (nodes := hosting.get(service + made))), frozenset())


def _storage(survey: Survey) -> Check:
    name = "storage bound"
    if isinstance(survey.claims, Unknown):
        return _unseen(name, survey.claims)
    unbound = [f"{claim.name} ({claim.phase or 'no phase'})" for claim in survey.claims if claim.phase != "Bound"]
    if unbound:
        return Check(name, "failed", ", ".join(unbound), "kubectl describe pvc says why: mostly no default StorageClass, or no room in its zone")
    return Check(name, "ok", f"{len(survey.claims)} claims" if survey.claims else "no claims")


def _route_timeouts(subjects: Sequence[Subject], survey: Survey, longest_chat_seconds: float) -> Check:
    name = "Route timeouts"
    if isinstance(survey.routes, Unknown):
        return _unseen(name, survey.routes)
    ours = _leading_to(subjects, survey.routes)
    short = [f"{route.meta.full_name} ({_written(route)})" for route in ours if _timeout_seconds(route) < longest_chat_seconds]
    if short:
        remedy = f"annotate each with {ROUTE_TIMEOUT}: {max(600, round(longest_chat_seconds))}s, or a long prompt is cut off before its first token"
        return Check(name, "failed", f"shorter than the longest chat ({longest_chat_seconds:g} s): {', '.join(short)}", remedy)
    return Check(name, "ok", f"{len(ours)} Routes" if ours else "no Routes")


def _routes_hand_on(subjects: Sequence[Subject], survey: Survey) -> Check:
    """OpenShift's router is a HAProxy without `option http-no-delay`: on plain HTTP it holds small pieces of an answer back for up to 200 ms."""
    name = "Routes hand on tokens"
    if isinstance(survey.routes, Unknown):
        return _unseen(name, survey.routes)
    ours = _leading_to(subjects, survey.routes)
    plain = [route.meta.full_name for route in ours if not route.termination]
    if plain:
        return Check(
            name,
            "warning",
            f"without TLS, where the router gathers tokens for 200 ms: {', '.join(plain)}",
            "end TLS at the router (spec.tls.termination: edge), or have chats go to the Service itself (prefer: [service])",
        )
    return Check(name, "ok", f"{len(ours)} Routes, all with TLS" if ours else "no Routes")


def _leading_to(subjects: Sequence[Subject], routes: Sequence[Route]) -> list[Route]:
    services = {subject.service for subject in subjects}
    return [route for route in routes if f"{route.meta.namespace}/{route.backend.service}" in services]


def _timeout_seconds(route: Route) -> float:
    """How long the router waits for an answer by this Route.

    A number without a unit is milliseconds, as HAProxy reads it. What cannot be read is as if it were not there.
    """
    found = _HAPROXY_TIME.fullmatch(route.meta.annotations.get(ROUTE_TIMEOUT, ""))
    return int(found[1]) * _UNITS[found[2] or "ms"] if found else ROUTER_DEFAULT_SECONDS


def _written(route: Route) -> str:
    return route.meta.annotations.get(ROUTE_TIMEOUT, f"{ROUTER_DEFAULT_SECONDS:g}s, the router's default")


def _user_monitoring(survey: Survey) -> Check:
    name = "user-workload monitoring"
    match survey.user_monitoring:
        case None:
            return Check(name, "ok", "no OpenShift: whichever Prometheus scrapes chatprobe will do")
        case Unknown() as unknown:
            return _unseen(name, unknown)
        case True:
            return Check(name, "ok", "on")
        case _:
            remedy = "an administrator sets enableUserWorkload: true in ConfigMap cluster-monitoring-config of openshift-monitoring"
            return Check(name, "failed", "off: nothing scrapes chatprobe", remedy)


def _unseen(name: str, unknown: Unknown) -> Check:
    why, _, remedy = unknown.why.partition("; ")
    return Check(name, "unknown", why, remedy)
