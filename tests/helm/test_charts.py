"""Every chart, with every example of its values, on Kubernetes and on OpenShift."""

from __future__ import annotations

import json
import re
from typing import Any

import helm_python
import pytest

from helm.reference.build import HELM
from helm.reference.values import Section, read
from tests.helm.cluster import KUBERNETES, OPENSHIFT, Cluster, charts, example, examples, installed, render
from tests.helm.objects import containers, identities, pod, problems, unrestricted

CLUSTERS = (KUBERNETES, OPENSHIFT)
EVERY = [pytest.param(chart, name, id=f"{chart}-{name}") for chart in charts() for name in examples(chart)]
EVERYWHERE = [pytest.param(*case.values, cluster, id=f"{case.id}-{cluster.name}") for case in EVERY for cluster in CLUSTERS]
NAMESPACED = {
    "ConfigMap",
    "Deployment",
    "Lease",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "Route",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StatefulSet",
}
"""What the role `admin` of a namespace may make, with `monitoring-edit` on OpenShift."""


def sections(chart: str) -> list[str]:
    """The chart's values that are sections of values of its own: not those of a chart below it, nor those of all."""
    written = read((HELM / chart / "values.yaml").read_text())
    return [part.path[0] for part in written.parts if isinstance(part, Section) and not part.open and not (HELM / part.path[0]).exists()]


def test_every_chart_has_an_example_of_its_defaults() -> None:
    assert {"ollama", "tgi", "vllm"} <= set(charts())
    assert [chart for chart in charts() if "default" not in examples(chart)] == []


@pytest.mark.parametrize(("chart", "name"), EVERY)
def test_helm_finds_nothing_to_say_of_it(chart: str, name: str) -> None:
    report = helm_python.lint(HELM / chart, example(chart, name), strict=True)
    assert [message["error"] for message in report["messages"] if message["error"] != "icon is recommended"] == []
    assert report["errors"] == []


@pytest.mark.parametrize(("chart", "name", "cluster"), EVERYWHERE)
def test_what_is_rendered_is_what_an_installation_sends(chart: str, name: str, cluster: Cluster) -> None:
    rendered = render(chart, example(chart, name), cluster)
    objects, notes = installed(chart, example(chart, name), cluster)
    assert sorted(map(json.dumps, rendered.objects)) == sorted(map(json.dumps, objects))
    assert rendered.notes.strip() == notes.strip()


@pytest.mark.parametrize("chart", charts())
def test_it_needs_nothing_from_elsewhere(chart: str) -> None:
    assert [each for each in helm_python.dependency_list(HELM / chart) if each["status"] not in ("ok", "unpacked")] == []


@pytest.mark.parametrize(("chart", "name", "cluster"), EVERYWHERE)
def test_what_it_renders_is_what_kubernetes_takes(chart: str, name: str, cluster: Cluster) -> None:
    rendered = render(chart, example(chart, name), cluster)
    found = [
        f"{each['kind']} {each['metadata']['name']}: {problem}"
        for each in (*rendered.objects, *rendered.hooks)
        for problem in problems(each, cluster.version)
    ]
    assert found == []
    assert "<no value>" not in rendered.notes


@pytest.mark.parametrize("chart", charts())
def test_its_example_for_kubernetes_installs_with_the_prometheus_operator_and_without(chart: str) -> None:
    monitored = Cluster("monitored", ("monitoring.coreos.com/v1",))
    kinds = {
        cluster.name: {each["kind"] for each in render(chart, example(chart, "kubernetes"), cluster).objects} for cluster in (KUBERNETES, monitored)
    }
    of_the_operator = {"ServiceMonitor", "PrometheusRule"}
    assert kinds["kubernetes"] & of_the_operator == set()
    expected = {"ollama": set(), "chatprobe": of_the_operator, "stack": of_the_operator}
    assert kinds["monitored"] & of_the_operator == expected.get(chart, {"ServiceMonitor"})


@pytest.mark.parametrize("chart", charts())
def test_every_object_can_be_applied(chart: str) -> None:
    """`kubectl apply` and Argo CD keep an object in an annotation of it, and all annotations together have 256 KiB."""
    sizes = {each["metadata"]["name"]: len(json.dumps(each, separators=(",", ":")).encode()) for each in render(chart, {}).objects}
    assert {name: size for name, size in sizes.items() if size > 240_000} == {}


@pytest.mark.parametrize(("chart", "name", "cluster"), EVERYWHERE)
def test_every_pod_runs_under_restricted_v2(chart: str, name: str, cluster: Cluster) -> None:
    rendered = render(chart, example(chart, name), cluster)
    pods = [spec for each in (*rendered.objects, *rendered.hooks) if (spec := pod(each)) is not None]
    assert len(pods) >= 2, "a workload and a test"
    if name == "kubernetes":  # the one example that chooses identities, for clusters that do not
        pods = [
            {**spec, "securityContext": {k: v for k, v in spec["securityContext"].items() if k not in ("runAsUser", "runAsGroup", "fsGroup")}}
            for spec in pods
        ]
    assert [problem for spec in pods for problem in unrestricted(spec)] == []
    assert [*identities(pods)] == []


@pytest.mark.parametrize("chart", charts())
def test_every_pod_asks_for_restricted_v2_where_there_is_such_a_thing(chart: str) -> None:
    """Who runs `helm test` with more rights than the pods need, like an administrator of the cluster, would have them run with more."""

    def asked(cluster: Cluster) -> set[str | None]:
        rendered = render(chart, {}, cluster)
        templates = [*(each["spec"]["template"] for each in rendered.objects if each["kind"] == "Deployment"), *rendered.hooks]
        return {each["metadata"].get("annotations", {}).get("openshift.io/required-scc") for each in templates}

    assert asked(OPENSHIFT) == {"restricted-v2"}
    assert asked(KUBERNETES) == {None}


@pytest.mark.parametrize(("chart", "name"), EVERY)
def test_each_container_says_what_it_uses(chart: str, name: str) -> None:
    rendered = render(chart, example(chart, name))
    specs = [spec for each in (*rendered.objects, *rendered.hooks) if (spec := pod(each)) is not None]
    for container in (each for spec in specs for each in containers(spec)):
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert re.search(r":[\w.-]+$|@sha256:[0-9a-f]{64}$", container["image"]), container["image"]
        assert not container["image"].endswith(":latest")


@pytest.mark.parametrize("chart", [chart for chart in charts() if chart != "stack"])
def test_each_container_can_be_given_limits_that_a_quota_asks_for(chart: str) -> None:
    limits = {"limits": {"cpu": "8"}}
    values = {"resources": limits, "test": {"resources": limits}, **({"model": {"pullResources": limits}} if chart == "ollama" else {})}
    rendered = render(chart, values)
    specs = [spec for each in (*rendered.objects, *rendered.hooks) if (spec := pod(each)) is not None]
    found = [each["resources"] for spec in specs for each in containers(spec)]
    assert [each["limits"].get("cpu") for each in found] == ["8"] * len(found)
    assert all("memory" in each["limits"] for each in found), "what is given is laid over the chart's own"


@pytest.mark.parametrize("chart", charts())
def test_a_namespaces_admin_can_install_it(chart: str) -> None:
    on_kubernetes = {each["kind"] for each in render(chart, {}, KUBERNETES).objects}
    assert on_kubernetes <= NAMESPACED - {"Route", "ServiceMonitor", "PrometheusRule"}
    rendered = render(chart, {}, OPENSHIFT)
    assert {each["kind"] for each in rendered.objects} <= NAMESPACED
    assert [each["metadata"]["name"] for each in rendered.objects if "namespace" in each["metadata"]] == []


@pytest.mark.parametrize(("chart", "name"), EVERY)
def test_no_secret_stands_in_it(chart: str, name: str) -> None:
    rendered = render(chart, example(chart, name))
    assert not [each for each in rendered.all("Secret") if {"data", "stringData"} & each.keys()]  # of a token, the cluster fills it in
    secretive = re.compile(r"(?i)token$|key$|password")
    for spec in (spec for each in rendered.objects if (spec := pod(each)) is not None):
        for variable in (each for container in containers(spec) for each in container.get("env", [])):
            if secretive.search(variable["name"]):
                assert variable["valueFrom"].keys() == {"secretKeyRef"}


@pytest.mark.parametrize("chart", charts())
def test_pods_are_selected_by_what_never_changes(chart: str) -> None:
    for each in render(chart, {}).objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            selector: dict[str, Any] = each["spec"]["selector"]["matchLabels"]
            assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
            assert selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()
            assert "helm.sh/chart" not in each["spec"]["template"]["metadata"]["labels"], "each new version of the chart would restart it"


@pytest.mark.parametrize("chart", charts())
def test_no_service_leads_to_the_pod_of_a_test(chart: str) -> None:
    rendered = render(chart, {})
    labels = [hook["metadata"]["labels"] for hook in rendered.hooks]
    assert labels
    for service in rendered.all("Service"):
        assert not any(service["spec"]["selector"].items() <= each.items() for each in labels)


@pytest.mark.parametrize("chart", charts())
def test_a_misspelt_value_is_refused(chart: str) -> None:
    with pytest.raises(helm_python.HelmError, match="additional properties 'imagee' not allowed"):
        render(chart, {"imagee": {"tag": "x"}})


@pytest.mark.parametrize(("chart", "section"), [(chart, section) for chart in charts() for section in sections(chart)])
def test_a_misspelt_value_of_a_section_is_refused(chart: str, section: str) -> None:
    with pytest.raises(helm_python.HelmError, match="additional properties 'tagg' not allowed"):
        render(chart, {section: {"tagg": "x"}})
