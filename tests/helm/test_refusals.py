"""Values that Kubernetes, Prometheus or chatprobe would refuse are refused by Helm, before anything is installed."""

from __future__ import annotations

from typing import Any, get_args

import helm_python
import kubernetes_validate
import pytest

from config.kubernetes import Kubernetes, WayName
from helm.reference.kinds import KINDS
from helm.reference.kubernetes import PARTS, definitions, reference
from tests.helm.cluster import charts, render

ENGINES = ("vllm", "tgi", "ollama")
Json = dict[str, Any]


def kubernetes(**settings: object) -> Json:
    return {"config": {"discovery": {"kubernetes": settings}}}


OF_CHATPROBE: list[Json] = [
    {"replicas": 0},
    {"replicas": "2"},
    {"shards": 0},
    {"shards": -1},
    kubernetes(prefer=["router"]),
    kubernetes(prefer=[]),
    kubernetes(prefer=["service", "service"]),
    kubernetes(prefer="service"),
    kubernetes(namespaces=["Team_A"]),
    kubernetes(namespaces=["team.a"]),
    kubernetes(namespaces=["*"]),
    kubernetes(namespaces=[123]),
    kubernetes(namespaces=["a" * 64]),
    kubernetes(probe="all"),
    kubernetes(namespace="llm"),
    {"secrets": ["vllm_key"]},
    {"secrets": ["a/b"]},
    {"secrets": [""]},
    {"authorities": ["Router"]},
    {"serviceMonitor": {"interval": "30"}},
    {"serviceMonitor": {"interval": "30 s"}},
    {"serviceMonitor": {"interval": "0s"}},
    {"serviceMonitor": {"interval": "1s1m"}},
    {"serviceMonitor": {"scrapeTimeout": "10us"}},
    {"serviceMonitor": {"scrapeTimeout": ""}},
    {"livenessProbe": {"periodSecond": 10}},
    {"readinessProbe": {"periodSeconds": 0}},
    {"startupProbe": {"httpGet": {"path": "/", "port": "metrics", "host_": "x"}}},
]
OF_ALL: list[Json] = [
    {"imagePullSecrets": ["My_Secret"]},
    {"imagePullSecrets": [{"name": "registry"}]},
    {"resources": {"limits": {"memory": "512Mib"}}},
    {"resources": {"requests": {"cpu": "half"}}},
    {"resources": {"requests": {"memory": "-1Gi"}}},
    {"resources": {"limit": {"memory": "512Mi"}}},
    {"podSecurityContext": {"runAsUsers": 1}},
    {"podSecurityContext": {"runAsUser": "1000"}},
    {"securityContext": {"capabilites": {}}},
    {"securityContext": {"capabilities": {"drops": ["ALL"]}}},
    {"tolerations": [{"keys": "gpu"}]},
    {"tolerations": [{"key": "gpu", "operator": "Exist"}]},
    {"tolerations": [{"key": "gpu", "effect": "NoScheduling"}]},
    {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfied": "DoNotSchedule"}]},
    {"affinity": {"podAntiAfinity": {}}},
    {"extraEnv": [{"name": "A", "values": "b"}]},
    {"extraEnv": [{"value": "b"}]},
    {"extraEnvFrom": [{"secret": {"name": "a"}}]},
    {"extraVolumeMounts": [{"name": "a", "path": "/b"}]},
    {"test": {"resources": {"limits": {"memory": "64MB"}}}},
]
OF_ENGINES: list[Json] = [
    {"persistence": {"size": "100GB"}},
    {"persistence": {"size": "0"}},
    {"persistence": {"size": "100m"}},
    {"tmp": {"sizeLimit": "large"}},
    {"route": {"timeout": "10 minutes"}},
    {"route": {"timeout": "0s"}},
    {"probes": {"startup": {"period": 10}}},
    {"probes": {"liveness": {"failureThreshold": 0}}},
]
OF_ONE: list[tuple[str, Json]] = [
    ("vllm", {"apiKey": {"existingSecret": "Key"}}),
    ("vllm", {"apiKey": {"key": "a/b"}}),
    ("tgi", {"hfToken": {"key": ""}}),
    ("tgi", {"serviceMonitor": {"interval": "often"}}),
    ("tgi", {"shm": {"sizeLimit": "1GiB"}}),
    ("ollama", {"keepAlive": "for ever"}),
    ("ollama", {"model": {"pullResources": {"limits": {"cpu": "x"}}}}),
    ("stack", {"global": {"imagePullSecrets": ["My_Secret"]}}),
    ("stack", {"chatprobe": {"replicas": 0}}),
    ("stack", {"vllm": {"tolerations": [{"keys": "gpu"}]}}),
]
BOGUS = [
    *(("chatprobe", values) for values in OF_CHATPROBE),
    *((chart, values) for chart in (*ENGINES, "chatprobe") for values in OF_ALL),
    *((chart, values) for chart in ENGINES for values in OF_ENGINES),
    *OF_ONE,
]


@pytest.mark.parametrize(("chart", "values"), BOGUS, ids=str)
def test_what_would_be_refused_later_is_refused_at_once(chart: str, values: Json) -> None:
    with pytest.raises(helm_python.HelmError, match="values don't meet the specifications of the schema"):
        render(chart, values)


FINE: Json = {
    "imagePullSecrets": ["registry.example.com", "123"],
    "resources": {
        "requests": {"cpu": 1, "memory": "1.5Gi", "nvidia.com/gpu": "1"},
        "limits": {"cpu": "500m", "memory": "32Gi", "hugepages-2Mi": "1e3"},
    },
    "podSecurityContext": {"runAsUser": 1000, "fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch", "supplementalGroups": [1], "sysctls": []},
    "securityContext": {"runAsUser": 0, "capabilities": {"add": ["SYS_NICE"]}, "seccompProfile": {"type": "RuntimeDefault"}},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 30}, {"operator": "Exists"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}}
    ],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": []}]}}},
    "extraEnv": [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}],
    "extraEnvFrom": [{"secretRef": {"name": "a"}}, {"prefix": "P_", "configMapRef": {"name": "b", "optional": True}}],
    "extraVolumeMounts": [{"name": "a", "mountPath": "/b", "readOnly": True, "subPath": "c"}],
}


@pytest.mark.parametrize("chart", [*ENGINES, "chatprobe"])
def test_what_kubernetes_takes_is_taken(chart: str) -> None:
    assert render(chart, FINE).objects


@pytest.mark.parametrize("interval", ["30s", "1m30s", "500ms", "1h", "1d"])
def test_every_duration_of_prometheus_is_taken(interval: str) -> None:
    assert render("chatprobe", {"serviceMonitor": {"interval": interval}}).one("ServiceMonitor")["spec"]["endpoints"][0]["interval"] == interval


@pytest.mark.parametrize("value", ["-1", "0", "300", "24h", "1h30m", "-1s"])
def test_every_span_of_ollama_is_taken(value: str) -> None:
    assert render("ollama", {"keepAlive": value}).objects


def test_the_settings_of_a_cluster_are_those_of_the_configuration() -> None:
    known = KINDS["cluster"]["properties"]
    assert set(known) == set(Kubernetes.model_fields)
    assert known["prefer"]["items"]["enum"] == list(get_args(WayName))
    assert known["probe"]["enum"] == list(get_args(Kubernetes.model_fields["probe"].annotation))


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_pods_are_as_the_newest_kubernetes_has_them(part: str) -> None:
    """Beyond that a value is refused only where the API server would."""
    schema = reference(part)
    found = definitions(schema)
    version = kubernetes_validate.latest_version()
    whole = kubernetes_validate.utils.schema_contents(f"kubernetes-json-schema/v{version}-local-strict/{part.lower()}-v1.json", version)
    own = found[schema["$ref"].rpartition("/")[2]]
    assert set(own["properties"]) == set(whole["properties"])
    assert own["additionalProperties"] is False


def test_every_chart_is_judged() -> None:
    assert {chart for chart, _ in BOGUS} == set(charts())
