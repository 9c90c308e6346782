"""Whoever may annotate a Service, or write a Route, gets no secret out of chatprobe: each way to try it, and what happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.model import Config
from config.reader import parse
from config.secrets import Secrets
from discovery.kubernetes.candidates import PassedOver
from discovery.kubernetes.enrolling import Enrolled, enrolled, guard_of, lines
from probes.guard import Guard
from tests.cluster import objects as o
from tests.cluster.objects import Json
from tests.discovery.kubernetes.seeing import found as found_under
from tests.discovery.kubernetes.seeing import seen, settings
from traffic.roster import Member

Made = Callable[..., Config]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A configuration for the cluster's namespace; `more` stands at the left margin."""
    (tmp_path / "key").write_text("canary-key\n")

    def of(more: str = "", kubernetes: str = "") -> Config:
        text = f"""
discovery: {{kubernetes: {{namespaces: [vllm-benchmark]{kubernetes}}}}}
scenarios: {{beat: {{every: 15s}}}}
{more}
"""
        return parse(text, str(tmp_path / "chatprobe.yaml")).config

    return of


def enrol(config: Config, *found: Json, others: dict[str, Member] | None = None) -> Enrolled:
    kubernetes = config.discovery.kubernetes
    assert kubernetes is not None
    candidates, _ = seen(*found, **kubernetes.model_dump(include={"prefer", "probe", "cluster_domain"}))
    return enrolled(config, Secrets(), others or {}, [found_under(one, config) for one in candidates.values()])


def keys(config: Config, *found: Json) -> dict[str, str | None]:
    """Which key each target is shown."""
    return {name: member.endpoint.api_key for name, member in enrol(config, *found).members.items()}


CREDENTIALS = """
credentials:
  - {namespace: vllm-benchmark, name: vllm, host: "*.apps.example.com", api_key: {file: key}}
"""


def test_a_key_goes_where_namespace_name_and_host_are_as_the_configuration_says(made: Made) -> None:
    config = made(CREDENTIALS)
    assert keys(config, o.service("vllm"), o.route("vllm", "vllm")) == {"vllm-benchmark/vllm": "canary-key"}


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ([o.service("vllm"), o.route("vllm", "vllm", host="apps.example.com.evil.test")], "a host that only begins alike"),
        ([o.service("vllm"), o.route("vllm", "vllm", host="evilapps.example.com")], "a host that only ends alike"),
        ([o.service("vllm"), o.ingress("vllm", "vllm", host="vllm.evil.test")], "a host of one's own, by an Ingress"),
        ([o.service("vllm", balancer="203.0.113.66")], "an address of one's own, by a load balancer"),
        ([o.service("other"), o.route("vllm", "other")], "another Service behind the host"),
        ([o.service("vllm", annotations={"chatprobe.io/host": "x.apps.example.com"})], "an annotation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_goes_nowhere_else(made: Made, found: list[Json], name: str) -> None:
    assert set(keys(made(CREDENTIALS), *found).values()) == {None}


INSIDE = """
credentials:
  - {host: "*.svc.cluster.local", api_key: {file: key}}
"""
STOLEN = "has a host that is a name inside of the cluster, or may become one: it has fewer than two dots"


@pytest.mark.parametrize(
    "host",
    [
        "steal.evil.svc.cluster.local",
        "Steal.Evil.SVC.Cluster.Local.",
        "other.vllm-benchmark.svc.cluster.local",
        "cluster.local",
        "steal.evil.svc",
        "1-2-3-4.evil.pod",
        "steal.evil.svc.clusterset.local",
        "kubernetes.default",
        "kubernetes",
        "steal.evil.svc.cluster\u3002local",
    ],
)
@pytest.mark.parametrize("through", ["Route", "Ingress", "HTTPRoute", "load balancer"])
def test_no_router_leads_inside_of_the_cluster(made: Made, host: str, through: str) -> None:
    parts = {
        "Route": [o.service("vllm"), o.route("r", "vllm", host=host)],
        "Ingress": [o.service("vllm"), o.ingress("r", "vllm", host=host)],
        "HTTPRoute": [o.service("vllm"), o.http_route("r", "vllm", host=host)],
        "load balancer": [o.service("vllm", balancer=host)],
    }[through]
    (member,) = enrol(made(INSIDE), *parts).members.values()
    assert member.endpoint.url == "http://vllm.vllm-benchmark.svc.cluster.local:8000"
    against = [why for one in seen(*parts)[0].values() for why in one.against_others]
    assert against == [f"{through} {STOLEN}" if through == "load balancer" else f"{through} r {STOLEN}"]


def test_the_cluster_s_own_domain_is_inside_of_it(made: Made) -> None:
    config = made(kubernetes=", cluster_domain: corp.test")
    urls = [member.endpoint.url for member in enrol(config, o.service("vllm"), o.route("r", "vllm", host="steal.evil.corp.test")).members.values()]
    assert urls == ["http://vllm.vllm-benchmark.svc.corp.test:8000"]


def test_of_several_hosts_the_one_outside_of_the_cluster(made: Made) -> None:
    ingress = o.ingress("i", "vllm", host="vllm", tls=False)
    ingress["spec"]["rules"] += o.ingress("i", "vllm")["spec"]["rules"]
    route = o.http_route("h", "vllm")
    route["spec"]["hostnames"].insert(0, "vllm.vllm-benchmark.svc.cluster.local")
    assert seen(o.service("vllm"), ingress)[0]["vllm-benchmark/vllm"].way.url == "http://vllm.example.com"
    assert seen(o.service("vllm"), route)[0]["vllm-benchmark/vllm"].way.url == "https://chat.example.com"


@pytest.mark.parametrize("host", ["steal.evil.svc.cluster.local", "vllm-benchmark.svc.cluster.local", "llama.evil", "llama.vllm-benchmark.svc"])
def test_an_inference_service_leads_inside_of_its_own_namespace_only(host: str) -> None:
    why = "has a URL inside of the cluster, or one that may be (its host has fewer than two dots), that is not of its own namespace"
    assert seen(o.inference_service("llama", url=f"http://{host}")) == ({}, [PassedOver("vllm-benchmark/llama", why)])
    assert seen(o.inference_service("llama", address=f"http://{host}"), prefer=("service",)) == ({}, [PassedOver("vllm-benchmark/llama", why)])
    chosen, passed_over = seen(o.inference_service("llama", address=f"http://{host}"), probe="both")
    assert (list(chosen), passed_over) == (["vllm-benchmark/llama"], [PassedOver("vllm-benchmark/llama/service", why)])


def test_a_slice_leads_to_addresses_only() -> None:
    names = ("steal.evil.svc.cluster.local", "kubernetes", "10.0.0.1@evil.example.com", "fd01::1%]@evil.example.com", "0177.0.0.1")
    (found,) = seen(o.service("vllm"), o.endpoint_slice("vllm", *names, "10.0.0.1", "fd01::1"))[0].values()
    assert [replica.url for replica in found.replicas] == ["http://10.0.0.1:8000", "http://[fd01::1]:8000"]


@pytest.mark.parametrize("address", ["100.100.100.200", "168.63.129.16", "fd00:ec2::23", "169.254.169.254"])
def test_no_service_leads_to_a_metadata_service_by_its_slices(address: str) -> None:
    """Its own address is one of the cluster, and says nothing; the API server takes slices with all of these but the last."""
    found = [o.service("vllm"), o.route("r", "vllm"), o.endpoint_slice("vllm", "10.0.0.1", address)]
    predictor = o.endpoint_slice("llama-predictor", address)
    chosen, passed_over = seen(*found, o.inference_service("llama"), predictor)
    assert (chosen, [one.name for one in passed_over]) == ({}, ["vllm-benchmark/llama", "vllm-benchmark/vllm"])
    assert {one.why.partition(address)[0] for one in passed_over} == {"has EndpointSlices with an address that is refused: "}


def test_a_credential_for_a_cluster_is_not_for_files_that_imitate_its_names(made: Made) -> None:
    config = made(CREDENTIALS)
    (credential,) = config.credentials
    assert not credential.matches("vllm-benchmark/vllm", "https://vllm.apps.example.com")


def test_pods_are_shown_no_key_whatever_their_service_is_shown(made: Made) -> None:
    """The exporter's own test sees what is sent; here is what it is made of: where the target's key would not fit."""
    config = made(CREDENTIALS)
    (member,) = enrol(config, o.service("vllm"), o.route("vllm", "vllm"), o.endpoint_slice("vllm", "10.0.0.66")).members.values()
    assert member.endpoint.api_key is not None
    assert [page.url for page in member.pages] == ["http://10.0.0.66:8000/metrics"]


@pytest.mark.parametrize("secret", ["api_key: {file: key}", "headers: {X-Key: hunter2}"])
def test_what_is_secret_does_not_go_over_http_where_it_comes_with_a_reload(made: Made, secret: str) -> None:
    (candidate,) = seen(o.service("vllm"), o.route("vllm", "vllm", host="vllm.apps.example.com", insecure="Allow"))[0].values()
    before = made()
    found = [found_under(candidate, before, url="http://vllm.apps.example.com", note="over HTTP")]
    credentials = f'credentials: [{{host: "*.apps.example.com", {secret}, tls: {{server_name: engine}}}}]'
    assert [member.endpoint.url for member in enrolled(before, Secrets(), {}, found).members.values()] == ["http://vllm.apps.example.com"]
    (member,) = enrolled(made(credentials), Secrets(), {}, found).members.values()
    assert member.endpoint.url == "https://vllm.apps.example.com"
    assert member.endpoint.api_key is not None or member.endpoint.headers
    assert member.endpoint.tls.server_name == "engine"


def test_every_target_of_a_cluster_is_guarded(made: Made) -> None:
    (member,) = enrol(made(), o.service("vllm")).members.values()
    assert member.endpoint.guard == Guard(loopback=False)
    assert guard_of(made(kubernetes=", loopback: true")) == Guard(loopback=True)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (o.ingress("i", "vllm", host="169.254.169.254"), "169.254.169.254 is a link-local address, to which no discovered target may lead"),
        (o.ingress("i", "vllm", host="fe80::1"), "fe80::1 is a link-local address, to which no discovered target may lead"),
        (o.ingress("i", "vllm", host="127.0.0.1"), "127.0.0.1 is a loopback address, to which no discovered target may lead"),
        (
            o.ingress("i", "vllm", host="fd00:ec2::254"),
            "fd00:ec2::254 is the address of a cloud's metadata service, to which no discovered target may lead",
        ),
        (
            o.ingress("i", "vllm", host="hunter2@vllm.evil.test"),
            "its url cannot be used: holds a user or a password; take it out and write api_key: {file: PATH}",
        ),
        (
            o.ingress("i", "vllm", host="vllm.evil.test/path?x="),
            "its url cannot be used: has a query or a fragment; take out everything from ? or # on",
        ),
    ],
)
def test_hosts_that_are_refused_before_anything_is_asked(made: Made, found: Json, why: str) -> None:
    enrolment = enrol(made(), o.service("vllm"), found)
    assert dict(enrolment.members) == {}
    assert [one.why for one in enrolment.passed_over] == [why]
    assert "hunter2" not in str(enrolment.passed_over)


def test_a_namespace_that_is_not_configured(made: Made) -> None:
    kubernetes = settings(namespaces=("vllm-benchmark", "other"))
    candidates, _ = seen(o.service("vllm", namespace="other"), **kubernetes.model_dump(include={"namespaces"}))
    config = made()
    enrolment = enrolled(config, Secrets(), {}, [found_under(one, config) for one in candidates.values()])
    assert [one.why for one in enrolment.passed_over] == ["is in a namespace that discovery.kubernetes.namespaces does not name"]


def test_what_the_configuration_names_comes_first_by_name_and_by_url(made: Made) -> None:
    config = made(
        'targets: {"vllm-benchmark/vllm": {backend: vllm, url: http://mine:1}, other: {backend: tgi, url: http://tgi.vllm-benchmark.svc.cluster.local:8080}}'
    )
    enrolment = enrol(config, o.service("vllm"), o.service("tgi", app="tgi", port=8080))
    assert dict(enrolment.members) == {}
    assert [(one.name, one.why) for one in enrolment.passed_over] == [
        ("vllm-benchmark/vllm", "its name is taken already, by the configuration or a file"),
        ("vllm-benchmark/tgi", "its URL is that of other already"),
    ]


def test_two_services_cannot_be_one_target_twice(made: Made) -> None:
    enrolment = enrol(
        made(), o.service("one"), o.service("two"), o.ingress("i", "one", host="chat.corp.test"), o.ingress("j", "two", host="chat.corp.test")
    )
    assert list(enrolment.members) == ["vllm-benchmark/one"]
    assert [one.why for one in enrolment.passed_over] == ["its URL is that of vllm-benchmark/one already"]


def test_no_secret_is_read_for_an_engine_that_is_passed_over(made: Made, tmp_path: Path) -> None:
    config = made('targets: {other: {backend: vllm, url: http://other}}\ncredentials: [{name: "*/two", host: chat.corp.test, api_key: {file: key}}]')
    (tmp_path / "key").unlink()
    both = [o.service("one"), o.service("two"), o.ingress("i", "one", host="chat.corp.test"), o.ingress("j", "two", host="chat.corp.test")]
    enrolment = enrol(config, *both)
    assert list(enrolment.members) == ["vllm-benchmark/one"]
    assert [one.why for one in enrolment.passed_over] == ["its URL is that of vllm-benchmark/one already"]


def test_the_limit_counts_files_too_and_what_is_beyond_it_is_told(made: Made) -> None:
    config = made("limits: {discovered_targets: 3}")
    (file_member,) = enrol(made(), o.service("from-a-file")).members.values()
    enrolment = enrol(config, *(o.service(f"s{number}") for number in range(20)), others={"from-a-file": file_member})
    assert list(enrolment.members) == ["vllm-benchmark/s0", "vllm-benchmark/s1"]
    told = list(lines(enrolment.passed_over, 10))
    assert told == [
        "kubernetes: "
        + ", ".join(f"vllm-benchmark/s{number}" for number in range(2, 12))
        + " and 8 more: there are more than 3; raise limits.discovered_targets, or choose fewer by the selector"
    ]


def test_a_flood_of_reasons_is_bounded_and_hides_none_of_another_namespace() -> None:
    flood = [PassedOver(f"a/{number}", f"annotation x{number} is not taken from a cluster") for number in range(1000)]
    told = list(lines([*flood, PassedOver("b/one", "has no TCP port"), PassedOver("a/1000", flood[0].why)], 10))
    assert told[:2] == [
        "kubernetes: a/0, a/1000: annotation x0 is not taken from a cluster",
        "kubernetes: a/1: annotation x1 is not taken from a cluster",
    ]
    assert told[20:] == ["kubernetes: b/one: has no TCP port", "kubernetes: a: 980 more, for other reasons; chatprobe discover tells of each"]


def test_a_name_that_is_too_long_for_a_label(made: Made) -> None:
    long = "v" * 63
    config = made()
    candidates, _ = seen(o.service(long, namespace="n" * 63, annotations={"chatprobe.io/probe": "both"}), o.route("r", long, namespace="n" * 63))
    wide = config.model_copy(update={"discovery": config.discovery.model_copy(update={"kubernetes": settings(namespaces=("n" * 63,))})})
    enrolment = enrolled(wide, Secrets(), {}, [found_under(one, wide) for one in candidates.values()])
    assert len(enrolment.members) == 1
    assert [one.why for one in enrolment.passed_over] == [
        "its name is a name of 135 characters; it becomes a label of every series: write at most 128"
    ]
