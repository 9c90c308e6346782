"""Which way to an engine is taken, with which TLS, and why others are not."""

from __future__ import annotations

import pytest

from discovery.kubernetes.candidates import candidates
from discovery.kubernetes.reading import http_route, ingress
from discovery.kubernetes.ways import PlainHttp, Way
from tests.cluster import objects as o
from tests.cluster.objects import Json
from tests.discovery.kubernetes.seeing import cluster, only, settings

ITSELF = "http://vllm.vllm-benchmark.svc.cluster.local:8000"


def test_the_four_ways_in_their_order() -> None:
    everything = [
        o.service("vllm", node_port=31000),
        o.route("vllm", "vllm"),
        o.ingress("vllm", "vllm"),
        o.node("one", external="203.0.113.1"),
    ]
    urls = [only(*everything, prefer=(way,)).way.url for way in ("route", "ingress", "nodeport", "service")]
    assert urls == ["https://vllm-vllm-benchmark.apps.example.com", "https://vllm.example.com", "http://203.0.113.1:31000", ITSELF]
    assert only(*everything).way.kind == "route"
    assert only(everything[0], *everything[2:]).way.kind == "ingress"
    assert only(everything[0], everything[3]).way.kind == "nodeport"
    assert only(everything[0]).way.kind == "service"
    assert only(*everything, prefer=("service", "route")).way.kind == "service"


@pytest.mark.parametrize(
    ("termination", "insecure", "expected"),
    [
        (None, None, ("http", None, "allowed", None, False)),
        ("edge", None, ("https", "edge", "refused", None, False)),
        ("edge", "None", ("https", "edge", "refused", None, False)),
        ("edge", "Redirect", ("https", "edge", "redirected", None, False)),
        ("edge", "Allow", ("https", "edge", "allowed", "http://chat.example.com", False)),
        ("reencrypt", "Allow", ("https", "reencrypt", "allowed", "http://chat.example.com", True)),
        ("passthrough", "Redirect", ("https", "passthrough", "redirected", None, True)),
    ],
)
def test_tls_of_a_route(termination: str | None, insecure: str | None, expected: tuple[str, str | None, PlainHttp, str | None, bool]) -> None:
    way = only(o.service("vllm"), o.route("vllm", "vllm", host="chat.example.com", termination=termination, insecure=insecure)).way
    scheme, ends, plain_http, fallback, secure_pods = expected
    assert way == Way("route", "Route vllm", f"{scheme}://chat.example.com", ends, plain_http, fallback, secure_pods)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (o.route("r", "vllm", admitted=False), "Route r is admitted by no router"),
        (o.route("r", "vllm", path="/chat"), "Route r is for a path only"),
        (o.route("r", "vllm", port={"targetPort": "metrics"}), "Route r leads to another port"),
        (o.route("r", "vllm", alternateBackends=[{"kind": "Service", "name": "other", "weight": 50}]), "Route r leads to other Services too"),
        (o.ingress("i", "vllm", address=None), "Ingress i has no address: no controller serves it"),
        (o.ingress("i", "vllm", path="/chat"), "Ingress i is for a path only"),
        (o.ingress("i", "vllm", port=9000), "Ingress i leads to another port"),
        (o.ingress("i", "vllm", host="*.example.com"), "Ingress i has a pattern for a host"),
        (o.http_route("h", "vllm", accepted=False), "HTTPRoute h is accepted by no gateway"),
    ],
)
def test_why_a_way_is_not_taken(found: Json, why: str) -> None:
    candidate = only(o.service("vllm"), found)
    assert (candidate.way.url, candidate.against_others) == (ITSELF, (why,))


def test_a_route_whose_other_backend_has_no_weight_leads_to_one_service_alone() -> None:
    blue_green = o.route("r", "vllm", alternateBackends=[{"kind": "Service", "name": "other", "weight": 0}], path="/v1", port={"targetPort": 8000})
    assert only(o.service("vllm"), blue_green).way.kind == "route"


def test_of_two_routes_the_one_with_tls() -> None:
    found = only(o.service("vllm"), o.route("plain", "vllm", termination=None), o.route("secure", "vllm"))
    assert found.way.through == "Route secure"


def test_an_ingress_without_tls_or_host() -> None:
    assert only(o.service("vllm"), o.ingress("i", "vllm", tls=False)).way == Way("ingress", "Ingress i", "http://vllm.example.com")
    bare = o.ingress("i", "vllm", host="", tls=False, address="2001:db8::7")
    assert only(o.service("vllm"), bare).way.url == "http://[2001:db8::7]"


def test_plain_http_at_an_ingress() -> None:
    usual = only(o.service("vllm"), o.ingress("i", "vllm")).way
    assert (usual.termination, usual.plain_http, usual.fallback_url) == ("controller", "redirected", None)
    lax = o.ingress("i", "vllm", annotations={"nginx.ingress.kubernetes.io/ssl-redirect": "false"})
    allowed = only(o.service("vllm"), lax).way
    assert (allowed.plain_http, allowed.fallback_url) == ("allowed", "http://vllm.example.com")


def test_a_gateway_says_its_port_and_protocol() -> None:
    parts = [o.service("vllm"), o.http_route("h", "vllm")]
    listeners = [{"name": "tls", "port": 8443, "protocol": "HTTPS", "hostname": "*.example.com"}]
    assert only(*parts, o.gateway(listeners=listeners)).way == Way("ingress", "HTTPRoute h", "https://chat.example.com:8443", "gateway", "refused")
    both = [*listeners, {"name": "plain", "port": 80, "protocol": "HTTP"}]
    assert only(*parts, o.gateway(listeners=both)).way.fallback_url == "http://chat.example.com"
    plain = only(*parts, o.gateway(listeners=[{"name": "plain", "port": 8080, "protocol": "HTTP"}])).way
    assert (plain.url, plain.termination) == ("http://chat.example.com:8080", None)


def test_of_a_gateway_that_is_elsewhere_tls_is_tried_first() -> None:
    way = only(o.service("vllm"), o.http_route("h", "vllm")).way
    assert (way.url, way.fallback_url) == ("https://chat.example.com", "http://chat.example.com")


def test_a_load_balancer_comes_before_its_node_ports() -> None:
    way = only(o.service("vllm", balancer="203.0.113.5"), prefer=("nodeport",)).way
    assert (way.through, way.url) == ("load balancer", "http://203.0.113.5:8000")


def test_a_node_port_needs_a_ready_node_with_an_external_address() -> None:
    parts = [o.service("vllm", node_port=31000), o.node("dead", external="203.0.113.1", ready=False), o.node("inside")]
    assert only(*parts).against_others == ("its NodePort is on no ready node with an external address",)
    assert only(*parts, o.node("good", external="203.0.113.2")).way.through == "node good"


def test_a_node_port_of_local_traffic_needs_a_node_with_a_pod() -> None:
    local = o.service("vllm", node_port=31000, externalTrafficPolicy="Local")
    nodes = [o.node("other", external="203.0.113.1"), o.node("gpu-0", external="203.0.113.2")]
    assert only(local, *nodes, o.endpoint_slice("vllm", "10.0.0.1")).way.url == "http://203.0.113.2:31000"
    assert only(local, *nodes).way.kind == "service"


@pytest.mark.parametrize(
    ("service", "url"),
    [
        (o.service("vllm", port=443, port_name="api"), "https://vllm.vllm-benchmark.svc.cluster.local:443"),
        (o.service("vllm", port=9000, port_name="https"), "https://vllm.vllm-benchmark.svc.cluster.local:9000"),
        (o.service("vllm", clusterIP="None", ports=[{"name": "http", "port": 80, "targetPort": 8000}]), ITSELF),
        (o.service("vllm", ports=[{"name": "http", "port": 81, "targetPort": 8000}]), "http://vllm.vllm-benchmark.svc.cluster.local:81"),
        (o.service("vllm", ports=[{"name": "x", "port": 8443, "appProtocol": "http"}]), "http://vllm.vllm-benchmark.svc.cluster.local:8443"),
    ],
)
def test_the_service_itself(service: Json, url: str) -> None:
    assert only(service).way.url == url
    assert only(service, cluster_domain="corp.local").way.url == url.replace("cluster.local", "corp.local")


def test_a_flood_of_rules_and_of_ways_that_are_not_taken_is_bounded() -> None:
    path = {"path": "/chat", "backend": {"service": {"name": "vllm", "port": {"number": 8000}}}}
    floods = [o.ingress(f"i{number}", "vllm") for number in range(20)]
    for flood in floods:
        flood["spec"]["rules"] = [{"host": "x.example.com", "http": {"paths": [path] * 1000}}]
    assert only(o.service("vllm"), *floods).against_others == tuple(f"Ingress i{number} is for a path only" for number in range(5))


def test_of_many_rules_the_first_are_kept_once_each() -> None:
    one = o.ingress("i", "vllm")
    paths = [{"path": f"/{number}", "backend": {"service": {"name": "vllm"}}} for number in range(1000) for _ in range(2)]
    one["spec"]["rules"] = [{"host": "x.example.com", "http": {"paths": paths}}]
    one["spec"]["tls"] = [{"hosts": [f"{number}.example.com" for number in range(1000)]}]
    found = ingress(one)
    assert [rule.path for rule in found.rules] == [f"/{number}" for number in range(256)]
    assert found.secure == ("*",), "no host among so many is taken for one without TLS"


def test_of_many_paths_of_an_http_route_the_first_are_kept_once_each() -> None:
    one = o.http_route("h", "vllm")
    paths = [{"path": {"type": "PathPrefix", "value": f"/{number}"}} for number in range(1000) for _ in range(2)]
    one["spec"]["rules"] = [{"matches": paths, "backendRefs": [{"name": "vllm", "port": 8000}]}]
    assert [rule.path for rule in http_route(one).rules] == [f"/{number}" for number in range(256)]


def test_what_leads_to_many_services_is_looked_through_once() -> None:
    """Of each only its own rules: as many Ingresses to as many Services would else take their product."""
    services = [o.service(f"s{number}") for number in range(200)]
    flood = [o.ingress(f"i{number}", "") for number in range(5)]
    for one in flood:
        paths = [{"path": "/", "backend": {"service": {"name": f"s{number}", "port": {"number": 8000}}}} for number in range(200)]
        one["spec"]["rules"] = [{"host": "x.example.com", "http": {"paths": paths}}]
    found = cluster(*services, *flood, o.http_route("h", "s0"))
    assert sum(len(ingress.rules) for ingresses in found.ingresses.values() for ingress in ingresses) == 5 * 200
    chosen, _ = candidates(found, settings())
    assert {one.way.through for one in chosen} == {"Ingress i0"}


def test_what_comes_after_the_way_that_is_taken_is_not_looked_at() -> None:
    found = only(o.service("vllm"), o.route("r", "vllm"), o.route("later", "vllm", path="/chat"), o.ingress("i", "vllm", path="/chat"))
    assert (found.way.through, found.against_others) == ("Route r", ())


def test_of_the_paths_of_an_ingress_one_is_enough() -> None:
    one = o.ingress("i", "vllm", path="/chat")
    one["spec"]["rules"] += o.ingress("i", "vllm")["spec"]["rules"]
    assert only(o.service("vllm"), one).way.url == "https://vllm.example.com"
