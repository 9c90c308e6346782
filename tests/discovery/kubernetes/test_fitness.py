"""Whether a cluster is fit for a comparison: each check in each of its outcomes, with its remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discovery.kubernetes import reading
from discovery.kubernetes.fitness import Check, Subject, checks
from discovery.kubernetes.objects import Route
from discovery.kubernetes.survey import Claim, GpuNode, Survey, Unknown
from tests.cluster import objects as o

VLLM = Subject("ns/vllm", "ns/vllm", "vllm", True, ("meta-llama/Llama-3.1-8B",), None, 1)
TGI = Subject("ns/tgi", "ns/tgi", "tgi", True, ("meta-llama/Llama-3.1-8B",), None, 1)
ROUTE = reading.route(o.route("vllm", "vllm", namespace="ns", annotations={"haproxy.router.openshift.io/timeout": "10m"}))
WELL = Survey(
    (GpuNode("gpu-0", 2, 1), GpuNode("gpu-1", 1, 0)),
    {"ns/vllm": frozenset({"gpu-0"}), "ns/tgi": frozenset({"gpu-1"})},
    (Claim("ns/models", "Bound"),),
    (ROUTE,),
    True,
)


def found(subjects: list[Subject], survey: Survey = WELL, longest: float = 120.0) -> dict[str, Check]:
    return {check.name: check for check in checks(subjects, survey, longest)}


def test_a_cluster_that_is_fit() -> None:
    made = found([VLLM, TGI])
    assert {check.verdict for check in made.values()} == {"ok"}
    assert [(check.name, check.found) for check in made.values()] == [
        ("engines present", "2: tgi, vllm"),
        ("engines healthy", "all of them"),
        ("same model on all", "llama-3.1-8b"),
        ("GPU nodes", "2 with 3 GPUs"),
        ("free GPUs", "1"),
        ("engines on separate nodes", "on 2 nodes"),
        ("storage bound", "1 claims"),
        ("Route timeouts", "1 Routes"),
        ("Routes hand on tokens", "1 Routes, all with TLS"),
        ("user-workload monitoring", "on"),
    ]


def short(timeout: str | None) -> Route:
    annotations = {} if timeout is None else {"haproxy.router.openshift.io/timeout": timeout}
    return replace(ROUTE, meta=replace(ROUTE.meta, annotations=annotations))


@pytest.mark.parametrize(
    ("name", "subjects", "survey", "verdict", "text", "remedy"),
    [
        ("engines present", [VLLM], WELL, "failed", "1 found, and a comparison needs two", "deploy two engines at least"),
        ("engines healthy", [replace(VLLM, healthy=False), TGI], WELL, "failed", "unhealthy: ns/vllm", "look at their pods and logs"),
        ("engines healthy", [], WELL, "failed", "there are none", "deploy some"),
        ("same model on all", [VLLM, replace(TGI, models=("other",))], WELL, "failed", "no model that all list", "--served-model-name"),
        (
            "same model on all",
            [VLLM, replace(TGI, models=("other", "llama-3.1-8b"))],
            WELL,
            "failed",
            "chats would go to different ones",
            "annotate each with chatprobe.io/model: llama-3.1-8b",
        ),
        ("same model on all", [VLLM, replace(TGI, models=())], WELL, "warning", "not known of ns/tgi", "mend their health"),
        ("same model on all", [replace(VLLM, models=())], WELL, "unknown", "no engine lists its models", "mend their health first"),
        ("GPU nodes", [VLLM, TGI], replace(WELL, gpu_nodes=()), "failed", "no ready node has GPUs", "add GPU nodes"),
        (
            "GPU nodes",
            [VLLM, TGI],
            replace(WELL, gpu_nodes=Unknown("no right to nodes in the whole cluster (403); grant it by a role")),
            "unknown",
            "no right to nodes in the whole cluster (403)",
            "grant it by a role",
        ),
        ("free GPUs", [VLLM, TGI], replace(WELL, gpu_nodes=(GpuNode("gpu-0", 2, 0),)), "warning", "none: ", "keep one free"),
        (
            "free GPUs",
            [VLLM, replace(TGI, ready_pods=0)],
            replace(WELL, gpu_nodes=(GpuNode("gpu-0", 2, 0),)),
            "failed",
            "0 free, and without a ready pod: ns/tgi",
            "free GPUs, or add nodes",
        ),
        (
            "engines on separate nodes",
            [VLLM, TGI],
            replace(WELL, hosting={"ns/vllm": frozenset({"gpu-0"}), "ns/tgi": frozenset({"gpu-0", "gpu-1"})}),
            "failed",
            "ns/vllm and ns/tgi on gpu-0",
            "podAntiAffinity",
        ),
        ("engines on separate nodes", [VLLM, TGI], replace(WELL, hosting={}), "unknown", "not known where ns/vllm, ns/tgi run", "mend their pods"),
        (
            "storage bound",
            [VLLM, TGI],
            replace(WELL, claims=(Claim("ns/models", "Pending"), Claim("ns/cache", ""))),
            "failed",
            "ns/models (Pending), ns/cache (no phase)",
            "StorageClass",
        ),
        (
            "Route timeouts",
            [VLLM, TGI],
            replace(WELL, routes=(short(None),)),
            "failed",
            "shorter than the longest chat (120 s): ns/vllm (30s, the router's default)",
            "annotate each with haproxy.router.openshift.io/timeout: 600s",
        ),
        ("Route timeouts", [VLLM, TGI], replace(WELL, routes=(short("60000"),)), "failed", "ns/vllm (60000)", "600s"),
        ("Route timeouts", [VLLM, TGI], replace(WELL, routes=(short("soon"),)), "failed", "ns/vllm (soon)", "600s"),
        ("Route timeouts", [VLLM, TGI], replace(WELL, routes=(short("120s"),)), "ok", "1 Routes", ""),
        ("Route timeouts", [TGI], replace(WELL, routes=(short(None),)), "ok", "no Routes", ""),
        (
            "Routes hand on tokens",
            [VLLM, TGI],
            replace(WELL, routes=(ROUTE, replace(ROUTE, termination=""))),
            "warning",
            "without TLS, where the router gathers tokens for 200 ms: ns/vllm",
            "spec.tls.termination: edge), or have chats go to the Service itself (prefer: [service])",
        ),
        (
            "Routes hand on tokens",
            [VLLM, TGI],
            replace(WELL, routes=(replace(ROUTE, termination="passthrough"),)),
            "ok",
            "1 Routes, all with TLS",
            "",
        ),
        ("Routes hand on tokens", [TGI], replace(WELL, routes=(replace(ROUTE, termination=""),)), "ok", "no Routes", ""),
        (
            "Routes hand on tokens",
            [VLLM, TGI],
            replace(WELL, routes=Unknown("no right to routes (403); grant it by a role")),
            "unknown",
            "no right to routes (403)",
            "grant it by a role",
        ),
        ("user-workload monitoring", [VLLM, TGI], replace(WELL, user_monitoring=False), "failed", "off", "enableUserWorkload: true"),
        ("user-workload monitoring", [VLLM, TGI], replace(WELL, user_monitoring=None), "ok", "no OpenShift", ""),
    ],
)
def test_each_check(name: str, subjects: list[Subject], survey: Survey, verdict: str, text: str, remedy: str) -> None:
    check = found(subjects, survey)[name]
    assert check.verdict == verdict
    assert text in check.found
    assert remedy in check.remedy
    assert bool(check.remedy) == (verdict != "ok")


def test_engines_of_kserve_run_where_their_predictor_does() -> None:
    hosting = {"ns/llama-predictor": frozenset({"gpu-0"}), "ns/tgi": frozenset({"gpu-0"})}
    check = found([replace(VLLM, service="ns/llama"), TGI], replace(WELL, hosting=hosting))["engines on separate nodes"]
    assert check.found == "ns/llama and ns/tgi on gpu-0"


def test_a_model_has_one_name_whatever_engines_add_to_it() -> None:
    ollama = replace(TGI, backend="ollama", models=("llama-3.1-8b:latest",))
    assert found([VLLM, ollama])["same model on all"] == Check("same model on all", "ok", "llama-3.1-8b")
