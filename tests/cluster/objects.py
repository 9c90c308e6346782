"""Objects of Kubernetes and OpenShift, as their API servers give them."""

from __future__ import annotations

import itertools
from typing import Any

Json = dict[str, Any]

NAMESPACE = "vllm-benchmark"
_ages = itertools.count()


def _meta(name: str, namespace: str | None, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Json:
    number = next(_ages)
    meta: Json = {
        "name": name,
        "uid": f"uid-{number}",
        "creationTimestamp": f"2026-11-{1 + number // 86400:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "labels": labels or {},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", **(annotations or {})},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
    }
    return meta if namespace is None else {**meta, "namespace": namespace}


def service(
    name: str,
    *,
    app: str | None = "vllm",
    port: int = 8000,
    port_name: str = "http",
    namespace: str = NAMESPACE,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    node_port: int | None = None,
    balancer: str | None = None,
    **spec: Any,
) -> Json:
    type_ = "LoadBalancer" if balancer else "NodePort" if node_port else "ClusterIP"
    one: Json = {"name": port_name, "port": port, "targetPort": port, "protocol": "TCP"} | ({"nodePort": node_port} if node_port else {})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name, namespace, {**({"app": app} if app else {}), **(labels or {})}, annotations),
        "spec": {"type": type_, "clusterIP": "172.30.0.10", "ports": [one], "selector": {"app": app}, **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": balancer}]} if balancer else {}},
    }


def endpoint_slice(
    service_name: str,
    *pods: str,
    port: int = 8000,
    port_name: str = "http",
    namespace: str = NAMESPACE,
    zones: tuple[str, ...] = (),
    unready: tuple[str, ...] = (),
) -> Json:
    """`pods` are addresses; each pod is named by its Service and place. Those in `unready` are not ready."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{service_name}-x7k2p", namespace, {"kubernetes.io/service-name": service_name}),
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": address not in unready, "serving": True, "terminating": False},
                "nodeName": f"gpu-{place}",
                "targetRef": {"kind": "Pod", "name": f"{service_name}-{place}", "namespace": namespace},
                **({"zone": zones[place % len(zones)]} if zones else {}),
            }
            for place, address in enumerate(pods)
        ],
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
    }


def route(
    name: str,
    to: str,
    *,
    host: str | None = None,
    termination: str | None = "edge",
    insecure: str | None = "Redirect",
    admitted: bool = True,
    namespace: str = NAMESPACE,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Json:
    host = host or f"{name}-{namespace}.apps.example.com"
    tls = {"tls": {"termination": termination, "insecureEdgeTerminationPolicy": insecure}} if termination else {}
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": _meta(name, namespace, {}, annotations),
        "spec": {
            "host": host,
            "to": {"kind": "Service", "name": to, "weight": 100},
            "port": {"targetPort": "http"},
            "wildcardPolicy": "None",
            **tls,
            **spec,
        },
        "status": {
            "ingress": [
                {"host": host, "routerName": "default", "conditions": [{"type": "Admitted", "status": "True" if admitted else "False"}]},
            ]
        },
    }


def ingress(
    name: str,
    to: str,
    *,
    host: str = "vllm.example.com",
    path: str = "/",
    tls: bool = True,
    port: int = 8000,
    address: str | None = "203.0.113.7",
    namespace: str = NAMESPACE,
    annotations: dict[str, str] | None = None,
) -> Json:
    backend = {"service": {"name": to, "port": {"number": port}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _meta(name, namespace, {}, annotations),
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}],
            **({"tls": [{"hosts": [host], "secretName": "tls"}]} if tls else {}),
        },
        "status": {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}},
    }


def http_route(
    name: str, to: str, *, host: str = "chat.example.com", gateway: str = "public", accepted: bool = True, namespace: str = NAMESPACE
) -> Json:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    status = "True" if accepted else "False"
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _meta(name, namespace),
        "spec": {
            "hostnames": [host],
            "parentRefs": [parent],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": to, "port": 8000, "weight": 1}]}],
        },
        "status": {
            "parents": [
                {"parentRef": parent, "conditions": [{"type": "Accepted", "status": status}, {"type": "ResolvedRefs", "status": status}]},
            ]
        },
    }


def gateway(name: str = "public", *, namespace: str = NAMESPACE, listeners: list[Json] | None = None) -> Json:
    usual = [{"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "*.example.com"}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": _meta(name, namespace),
        "spec": {"gatewayClassName": "istio", "listeners": usual if listeners is None else listeners},
    }


def node(name: str, *, external: str | None = None, ready: bool = True, zone: str = "a", gpus: int = 0, labels: dict[str, str] | None = None) -> Json:
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}, *([{"type": "ExternalIP", "address": external}] if external else [])]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _meta(name, None, {"topology.kubernetes.io/zone": zone, **(labels or {})}),
        "spec": {},
        "status": {
            "addresses": addresses,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "allocatable": {"cpu": "64", **({"nvidia.com/gpu": str(gpus)} if gpus else {})},
        },
    }


def inference_service(
    name: str,
    *,
    url: str = "https://llama-vllm-benchmark.apps.example.com",
    address: str = "http://llama.vllm-benchmark.svc.cluster.local",
    runtime: str = "vllm-cuda-runtime",
    namespace: str = NAMESPACE,
    annotations: dict[str, str] | None = None,
) -> Json:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": _meta(name, namespace, {"app": "vllm"}, annotations),
        "spec": {"predictor": {"model": {"modelFormat": {"name": "vLLM"}, "runtime": runtime}}},
        "status": {"url": url, "address": {"url": address}, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def llm_inference_service(
    name: str,
    *,
    url: str = "https://gateway.apps.example.com/vllm-benchmark/llama",
    addresses: tuple[str, ...] = (
        "https://gateway.apps.example.com/vllm-benchmark/llama",
        "http://gateway.kserve.svc.cluster.local/vllm-benchmark/llama",
        "https://llama-kserve-workload-svc.vllm-benchmark.svc.cluster.local:8000",
    ),
    image: str = "ghcr.io/llm-d/llm-d-cuda:v0.4",
    namespace: str = NAMESPACE,
    annotations: dict[str, str] | None = None,
) -> Json:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LLMInferenceService",
        "metadata": _meta(name, namespace, {"app": "vllm"}, annotations),
        "spec": {
            "model": {"uri": "hf://Qwen/Qwen2.5-7B-Instruct", "name": "Qwen/Qwen2.5-7B-Instruct"},
            "router": {"gateway": {}, "route": {}, "scheduler": {}},
            "template": {"containers": [{"name": "main", "image": image}]},
        },
        "status": {"url": url, "addresses": [{"url": each} for each in addresses], "conditions": [{"type": "Ready", "status": "True"}]},
    }


def pod(
    name: str, *, node_name: str, app: str = "vllm", gpus: int = 1, namespace: str = NAMESPACE, claims: tuple[str, ...] = (), phase: str = "Running"
) -> Json:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(name, namespace, {"app": app}),
        "spec": {
            "nodeName": node_name,
            "containers": [{"name": "engine", "resources": {"limits": limits, "requests": limits}}],
            "volumes": [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims],
        },
        "status": {"phase": phase},
    }


def claim(name: str, *, phase: str = "Bound", namespace: str = NAMESPACE) -> Json:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _meta(name, namespace), "spec": {}, "status": {"phase": phase}}


def monitoring(enabled: bool) -> Json:
    """OpenShift's own configuration of its monitoring."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta("cluster-monitoring-config", "openshift-monitoring"),
        "data": {"config.yaml": f"enableUserWorkload: {str(enabled).lower()}\n"},
    }
