"""From objects to candidates: annotations, ports, pods, KServe, and what is passed over."""

from __future__ import annotations

import pytest

from discovery.kubernetes.candidates import MOST_REPLICAS, PassedOver, candidates
from discovery.kubernetes.reading import service
from probes.backends import names
from tests.cluster import objects as o
from tests.cluster.objects import Json
from tests.discovery.kubernetes.seeing import cluster, only, seen, settings
from traffic.roster import Replica

OURS = "chatprobe.io/"


@pytest.mark.parametrize(
    ("labels", "annotations", "backend"),
    [
        ({"app": "vllm"}, {}, "vllm"),
        ({"app": "text-generation-inference"}, {}, "tgi"),
        ({"app": "chat", "app.kubernetes.io/name": "ollama"}, {}, "ollama"),
        ({"app": "chat"}, {}, None),
        ({"app": "vllm"}, {OURS + "backend": "openai"}, "openai"),
        ({"app": "chat", OURS + "backend": "tgi"}, {}, "tgi"),
    ],
)
def test_which_engine_it_is(labels: dict[str, str], annotations: dict[str, str], backend: str | None) -> None:
    assert only(o.service("one", app=None, labels=labels, annotations=annotations)).backend == backend


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        ({"backend": "triton"}, f"annotation chatprobe.io/backend is none of {', '.join(names())}"),
        ({"probe": "yes"}, "annotation chatprobe.io/probe is none of true, best, both and false"),
        ({"port": "grpc"}, "annotation chatprobe.io/port names no TCP port of the Service"),
        ({"model": "x" * 1000}, "annotation chatprobe.io/model is no name of a model: it is empty, too long, or not printable"),
        ({"model": "a\nb"}, "annotation chatprobe.io/model is no name of a model: it is empty, too long, or not printable"),
        ({"model": ""}, "annotation chatprobe.io/model is no name of a model: it is empty, too long, or not printable"),
    ],
)
def test_annotations_that_cannot_be_followed(annotation: dict[str, str], why: str) -> None:
    chosen, passed_over = seen(o.service("one", annotations={OURS + key: value for key, value in annotation.items()}))
    assert (chosen, passed_over) == ({}, [PassedOver("vllm-benchmark/one", why)])


@pytest.mark.parametrize("key", ["api-key", "api_key", "headers", "tls", "ca-file", "key-file", "url", "path", "metrics-path", "server-name"])
def test_no_annotation_brings_a_secret_a_file_or_a_path(key: str) -> None:
    plain = only(o.service("one"))
    chosen, passed_over = seen(o.service("one", annotations={OURS + key: "/var/run/secrets/kubernetes.io/serviceaccount/token"}))
    why = f"annotation chatprobe.io/{key} is not taken from a cluster; write what is secret under credentials in the main configuration"
    assert passed_over == [PassedOver("vllm-benchmark/one", why)]
    assert [(one.way, one.backend, one.model) for one in chosen.values()] == [(plain.way, plain.backend, plain.model)]


def test_model_and_port_by_annotation() -> None:
    ports = [{"name": "grpc", "port": 9000}, {"name": "http", "port": 80}, {"name": "chat", "port": 8001}]
    found = only(o.service("one", ports=ports, annotations={OURS + "port": "chat", OURS + "model": "meta-llama/Llama-3.1-8B"}))
    assert (found.way.url, found.model) == ("http://one.vllm-benchmark.svc.cluster.local:8001", "meta-llama/Llama-3.1-8B")


@pytest.mark.parametrize(
    ("ports", "number"),
    [
        ([{"name": "metrics", "port": 8000}, {"name": "http", "port": 5000}], 5000),
        ([{"name": "metrics", "port": 8000}, {"name": "y", "port": 2345}], 2345),
        ([{"name": "vllm-metrics", "port": 8000}, {"name": "y", "port": 2345}], 2345),
        ([{"name": "x", "port": 1234}, {"name": "y", "port": 8000}], 8000),
        ([{"name": "x", "port": 1234}, {"name": "y", "port": 2345}], 1234),
        ([{"name": "udp", "port": 8000, "protocol": "UDP"}, {"name": "y", "port": 2345}], 2345),
    ],
)
def test_the_likeliest_port(ports: list[Json], number: int) -> None:
    assert only(o.service("one", ports=ports)).way.url.endswith(f":{number}")


@pytest.mark.parametrize(
    ("found", "why", "silent"),
    [
        (o.service("one", annotations={OURS + "probe": "false"}), "is annotated chatprobe.io/probe: false", True),
        (
            o.service("one", type="ExternalName", externalName="169.254.169.254"),
            "is of type ExternalName, which leads anywhere; write it under targets in the main configuration",
            False,
        ),
        (o.service("one", ports=[{"name": "dns", "port": 53, "protocol": "UDP"}]), "has no TCP port", False),
    ],
)
def test_what_is_passed_over(found: Json, why: str, silent: bool) -> None:
    assert seen(found) == ({}, [PassedOver("vllm-benchmark/one", why, silent)])


def test_no_way_at_all() -> None:
    chosen, passed_over = seen(o.service("one"), o.route("r", "one", admitted=False), prefer=("route", "nodeport"))
    assert chosen == {}
    assert [one.why for one in passed_over] == ["is reached by none of route, nodeport: Route r is admitted by no router"]


@pytest.mark.parametrize(("annotation", "setting"), [({OURS + "probe": "both"}, "best"), ({}, "both")])
def test_by_its_route_and_by_itself_at_once(annotation: dict[str, str], setting: str) -> None:
    parts = [o.service("one", annotations=annotation), o.route("r", "one"), o.endpoint_slice("one", "10.0.0.1")]
    chosen, _ = seen(*parts, probe=setting)
    assert {name: one.way.kind for name, one in chosen.items()} == {"vllm-benchmark/one": "route", "vllm-benchmark/one/service": "service"}
    assert [len(one.replicas) for one in chosen.values()] == [1, 0], "its pods' own metrics are read once"


def test_both_is_one_where_there_is_no_router() -> None:
    chosen, _ = seen(o.service("one", annotations={OURS + "probe": "both"}))
    assert list(chosen) == ["vllm-benchmark/one"]
    chosen, _ = seen(o.service("one", annotations={OURS + "probe": "best"}), o.route("r", "one"), probe="both")
    assert list(chosen) == ["vllm-benchmark/one"], "the owner's word goes before the setting"


def test_every_ready_pod_is_a_replica() -> None:
    pods = o.endpoint_slice("one", "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd01::4", zones=("a", "b"), unready=("10.0.0.2",), port=8080)
    assert only(o.service("one"), pods).replicas == (
        Replica("one-0", "http://10.0.0.1:8080", None, "a"),
        Replica("one-2", "http://10.0.0.3:8080", None, "a"),
        Replica("one-3", "http://[fd01::4]:8080", None, "b"),
    )


def test_pods_that_speak_tls_are_expected_to_have_the_name_of_their_service() -> None:
    parts = [o.service("one"), o.route("r", "one", termination="reencrypt"), o.endpoint_slice("one", "10.0.0.1", port=8443)]
    assert only(*parts).replicas == (Replica("one-0", "https://10.0.0.1:8443", "one.vllm-benchmark.svc.cluster.local", ""),)


def test_the_older_come_first_whoever_else_comes() -> None:
    chosen, _ = seen(*(o.service(name) for name in ("zulu", "mike", "alpha")))
    assert list(chosen) == ["vllm-benchmark/zulu", "vllm-benchmark/mike", "vllm-benchmark/alpha"]


@pytest.mark.parametrize(("service_first", "kind"), [(True, "service"), (False, "kserve")])
def test_of_equal_names_the_older_is_kept(service_first: bool, kind: str) -> None:
    kinds = (o.service, o.inference_service) if service_first else (o.inference_service, o.service)
    found, passed_over = candidates(cluster(*(make("llama") for make in kinds)), settings())
    assert [(one.name, one.way.kind) for one in found] == [("vllm-benchmark/llama", kind)]
    assert passed_over == [PassedOver("vllm-benchmark/llama", "its name is that of an older one")]


def test_an_inference_service_of_kserve() -> None:
    parts = [
        o.inference_service("llama"),
        o.service("llama-predictor", labels={"serving.kserve.io/inferenceservice": "llama"}),
        o.endpoint_slice("llama-predictor", "10.0.0.7", port=8080),
    ]
    chosen, passed_over = seen(*parts, probe="both")
    assert {name: (one.way.url, one.backend) for name, one in chosen.items()} == {
        "vllm-benchmark/llama": ("https://llama-vllm-benchmark.apps.example.com", "vllm"),
        "vllm-benchmark/llama/service": ("http://llama.vllm-benchmark.svc.cluster.local", "vllm"),
    }
    assert chosen["vllm-benchmark/llama"].replicas == (Replica("llama-predictor-0", "http://10.0.0.7:8080", None, ""),)
    assert passed_over == [PassedOver("vllm-benchmark/llama-predictor", "is a part of InferenceService llama", silent=True)]
    assert only(parts[0], prefer=("service",)).way.url == "http://llama.vllm-benchmark.svc.cluster.local"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            "https://user:hunter2@llama.example.com",
            "has a URL with a user or a password, which is not taken from a cluster; write it under credentials in the main configuration",
        ),
        ("https://llama.example.com/admin", "has a URL that is not one of scheme, host and port alone"),
        ("https://llama.example.com?key=hunter2", "has a URL that is not one of scheme, host and port alone"),
        ("file:///etc/passwd", "has a URL that is not one of scheme, host and port alone"),
        ("https://llama.example.com:99999", "has a URL that is none"),
    ],
)
def test_urls_that_are_refused(url: str, why: str) -> None:
    assert seen(o.inference_service("llama", url=url)) == ({}, [PassedOver("vllm-benchmark/llama", why)])


def test_an_inference_service_without_a_url_yet() -> None:
    _, passed_over = seen(o.inference_service("llama", url="", address=""))
    assert [one.why for one in passed_over] == ["has no URL yet that discovery.kubernetes.prefer allows for; look at its conditions"]


LLM_LABELS = {"app.kubernetes.io/part-of": "llminferenceservice", "app.kubernetes.io/name": "llama"}
"""What KServe labels the Services with that it makes for the LLMInferenceService `llama`."""


def test_an_llm_inference_service_of_kserve() -> None:
    workload = "llama-kserve-workload-svc"
    parts = [
        o.llm_inference_service("llama"),
        o.service(workload, labels=LLM_LABELS),
        o.service("llama-epp-service", labels=LLM_LABELS),
        o.endpoint_slice(workload, "10.0.0.7", port_name="https"),
    ]
    chosen, passed_over = seen(*parts, probe="both")
    assert {name: (one.way.url, one.way.kind, one.backend) for name, one in chosen.items()} == {
        "vllm-benchmark/llama": ("https://gateway.apps.example.com/vllm-benchmark/llama", "kserve", "vllm"),
        "vllm-benchmark/llama/service": ("https://llama-kserve-workload-svc.vllm-benchmark.svc.cluster.local:8000", "kserve", "vllm"),
    }
    server_name = "llama-kserve-workload-svc.vllm-benchmark.svc.cluster.local"
    assert chosen["vllm-benchmark/llama"].replicas == (Replica(f"{workload}-0", "https://10.0.0.7:8000", server_name, ""),)
    assert passed_over == [
        PassedOver("vllm-benchmark/llama-epp-service", "is a part of LLMInferenceService llama", silent=True),
        PassedOver("vllm-benchmark/llama-kserve-workload-svc", "is a part of LLMInferenceService llama", silent=True),
    ]
    assert only(parts[0], prefer=("service",)).way.url == "https://llama-kserve-workload-svc.vllm-benchmark.svc.cluster.local:8000"


def test_the_image_of_an_llm_inference_service_names_its_engine() -> None:
    def backend_of(image: str) -> str | None:
        found = o.llm_inference_service("llama", image=image)
        found["metadata"]["labels"] = {"app": "models"}
        return only(found).backend

    assert backend_of("docker.io/vllm/vllm-openai:v0.11") == "vllm"
    assert backend_of("registry.example.com/models/server:1") is None, "it is asked"


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/name": "llama"}, {**LLM_LABELS, "app.kubernetes.io/name": "other"}])
def test_a_service_that_is_no_part_of_an_llm_inference_service_is_a_target(labels: dict[str, str]) -> None:
    chosen, _ = seen(o.llm_inference_service("llama"), o.service("mine", labels=labels))
    assert set(chosen) == {"vllm-benchmark/llama", "vllm-benchmark/mine"}


@pytest.mark.parametrize("path", ["/other/llama", "/vllm-benchmark/other", "/vllm-benchmark/llama/v1", "/vllm-benchmark/llama/../../admin", "/admin"])
def test_a_gateway_leads_to_an_llm_inference_service_by_its_own_path_alone(path: str) -> None:
    why = "has a URL that is not one of scheme, host and port alone, nor with the path /vllm-benchmark/llama"
    found = o.llm_inference_service("llama", url=f"https://gateway.apps.example.com{path}")
    assert seen(found) == ({}, [PassedOver("vllm-benchmark/llama", why)])


def test_an_llm_inference_service_leads_inside_of_its_own_namespace_only() -> None:
    why = "has a URL inside of the cluster, or one that may be (its host has fewer than two dots), that is not of its own namespace"
    found = o.llm_inference_service("llama", url="http://gateway.kserve.svc.cluster.local/vllm-benchmark/llama")
    assert seen(found) == ({}, [PassedOver("vllm-benchmark/llama", why)])


KINDS_READ = ["Service", "Route", "Ingress", "HTTPRoute", "Gateway", "Node", "EndpointSlice", "InferenceService", "LLMInferenceService"]


@pytest.mark.parametrize("kind", KINDS_READ)
@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, [None, 1, {}], {"x": None}])
def test_objects_of_any_shape_break_nothing(kind: str, junk: object) -> None:
    broken: Json = {
        "kind": kind,
        "metadata": {"name": "one", "namespace": o.NAMESPACE, "labels": junk, "annotations": junk},
        "spec": junk,
        "status": junk,
    }
    seen(broken, o.service("one"), {**broken, "endpoints": junk, "ports": junk})


def test_pods_are_bounded_and_their_names_are_names() -> None:
    many = o.endpoint_slice("one", *(f"10.0.{number // 250}.{number % 250}" for number in range(300)))
    many["endpoints"][0]["targetRef"]["name"] = 'a"} 1\n' * 1000
    replicas = only(o.service("one"), many).replicas
    assert len(replicas) == MOST_REPLICAS
    assert replicas[0].name == "10.0.0.0"


def test_zones_are_names_like_those_of_nodes() -> None:
    zones = ("eu-west-1a", "z" * 64, 'a"} 1\n', "\x1b[2J")
    found = only(o.service("one"), o.endpoint_slice("one", *(f"10.0.0.{number}" for number in range(4)), zones=zones)).replicas
    assert [replica.zone for replica in found] == ["eu-west-1a", "", "", ""]


def test_what_an_object_weighs_does_not_grow_with_its_annotations_and_labels() -> None:
    others = {f"{OURS}x{number:05}": "x" * 1000 for number in range(5_000)}
    flood = o.service("one", annotations={**others, OURS + "port": "x" * 200_000}, labels={f"x{number}": "x" for number in range(5_000)})
    found = service(flood).meta
    assert (len(found.annotations), found.labels) == (6, {"app": "vllm"})
    assert max(len(value) for value in found.annotations.values()) == 1024
    del flood["metadata"]["annotations"][OURS + "port"]
    _, passed_over = seen(flood)
    assert [one.why.split()[1] for one in passed_over] == [f"{OURS}x{number:05}" for number in range(5)]


def test_it_is_told_of_which_pods_the_metrics_are_not_read() -> None:
    many = o.endpoint_slice("many", *(f"10.0.{number // 250}.{number % 250}" for number in range(MOST_REPLICAS + 1)))
    named = o.endpoint_slice("named", "10.1.0.1", "kubernetes.default.svc")
    _, passed_over = seen(o.service("many"), many, o.service("named"), named, o.service("whole"), o.endpoint_slice("whole", "10.2.0.1"))
    assert [(one.name.partition("/")[2], one.why) for one in passed_over] == [
        ("many", "has more than 100 ready pods; the metrics of the first 100 are read"),
        ("named", "has EndpointSlices with names in place of addresses; metrics are read from addresses alone"),
    ]
