"""The chart of chatprobe: what only it has."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from catalogue import own
from catalogue.metric import Metric
from config.kubernetes import WAYS, WayName
from config.model import Config
from config.reader import parse
from config.sections import keys
from discovery.kubernetes import rbac
from helm.reference.build import HELM
from tests.alerts.promtool import promtool
from tests.crds import problems
from tests.helm.cluster import KUBERNETES, NAMESPACE, OPENSHIFT, Cluster, Rendered, example, examples, render
from tests.helm.objects import pod
from traffic.sharding import read_shard

EVERY = examples("chatprobe")
EVERYTHING = Cluster(
    "everything", (*OPENSHIFT.knows, "serving.kserve.io/v1beta1", "serving.kserve.io/v1alpha1/LLMInferenceService", "gateway.networking.k8s.io/v1")
)
OF_THE_OPERATOR = {"namespace", "pod", "service", "job", "instance", "container", "endpoint", "node", "prometheus", "prometheus_replica"}
"""Labels that Prometheus and its operator give every series: one of ours of this name would become `exported_…`."""

ROOT = HELM.parent
Json = dict[str, Any]


def probing(rendered: Rendered) -> Json:
    """The workload."""
    (found,) = [*rendered.all("Deployment"), *rendered.all("StatefulSet")]
    return found


def container(rendered: Rendered) -> Json:
    (found,) = probing(rendered)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def configuration(rendered: Rendered) -> str:
    (text,) = [each["data"]["chatprobe.yaml"] for each in rendered.all("ConfigMap") if "chatprobe.yaml" in each["data"]]
    assert isinstance(text, str)
    return text


def alerts(rendered: Rendered) -> Iterator[Json]:
    for group in rendered.one("PrometheusRule")["spec"]["groups"]:
        yield from (rule for rule in group["rules"] if "alert" in rule)


def groups(rendered: Rendered) -> set[str]:
    return {group["name"] for group in rendered.one("PrometheusRule")["spec"]["groups"]}


def granted(rendered: Rendered, kind: str) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every rule of roles of a kind, each bound to the account that the pods run as."""
    account = probing(rendered)["spec"]["template"]["spec"]["serviceAccountName"]
    bound = {each["roleRef"]["name"] for each in rendered.all(f"{kind}Binding") if [s["name"] for s in each["subjects"]] == [account]}
    roles = rendered.all(kind)
    assert {role["metadata"]["name"] for role in roles} == bound
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(rights: tuple[rbac.Right, ...], scope: rbac.Scope) -> set[tuple[str, str, str]]:
    return {(right.group, right.resource, verb) for right in rights if right.scope == scope for verb in right.verbs}


@pytest.mark.parametrize("prefer", [WAYS, *((way,) for way in WAYS), ("route", "service")], ids=",".join)
def test_rights_are_those_that_discovery_needs_to_the_letter(prefer: tuple[WayName, ...]) -> None:
    values = {"rbac": {"cluster": True}, "config": {"discovery": {"kubernetes": {"prefer": [*prefer]}}}}
    rendered = render("chatprobe", values, EVERYTHING)
    assert granted(rendered, "Role") == needed(rbac.needed(prefer), "namespace")
    assert granted(rendered, "ClusterRole") >= needed(rbac.needed(prefer), "cluster")
    assert granted(rendered, "ClusterRole") == needed(rbac.DISCOVERY, "cluster")


def test_rights_in_the_whole_cluster_are_opted_in() -> None:
    for name in EVERY:
        values = example("chatprobe", name)
        asks_who = values.get("config", {}).get("web", {}).get("kubernetes_auth", False)
        assert bool(render("chatprobe", values).all("ClusterRole")) == (asks_who or values.get("rbac", {}).get("cluster", False))


def test_rights_to_kinds_that_the_cluster_lacks_would_keep_a_namespaces_admin_from_installing() -> None:
    values = {"config": {"discovery": {"kubernetes": {"prefer": ["route", "ingress", "service"]}}}}
    groups_of = {cluster.name: {group for group, *_ in granted(render("chatprobe", values, cluster), "Role")} for cluster in (KUBERNETES, EVERYTHING)}
    assert groups_of["everything"] - groups_of["kubernetes"] == {"route.openshift.io", "serving.kserve.io", "gateway.networking.k8s.io"}
    without = render("chatprobe", {**values, "rbac": {"gateways": False}}, EVERYTHING)
    assert "gateway.networking.k8s.io" not in {group for group, *_ in granted(without, "Role")}


def test_each_namespace_that_is_looked_into_has_a_role() -> None:
    rendered = render("chatprobe", {"config": {"discovery": {"kubernetes": {"namespaces": [NAMESPACE, "team-b"]}}}})
    for kind in ("Role", "RoleBinding"):
        assert [(each["metadata"].get("namespace"), each["metadata"]["name"]) for each in rendered.all(kind)] == [
            (None, "bench-chatprobe-discovery"),
            ("team-b", f"{NAMESPACE}-bench-chatprobe-discovery"),  # not that of a release of the same name there
        ]
    assert {subject["namespace"] for each in rendered.all("RoleBinding") for subject in each["subjects"]} == {NAMESPACE}


def test_a_second_pod_stands_by_under_a_lease() -> None:
    rendered = render("chatprobe", {"replicas": 2, "config": {"discovery": {"kubernetes": None}, "targets": {"a": {"backend": "vllm"}}}})
    assert granted(rendered, "Role") == needed(rbac.LEASE, "namespace")
    assert "--lease=$(POD_NAMESPACE)/bench-chatprobe" in container(rendered)["args"]
    named = {verb for rule in rendered.one("Role")["rules"] if rule.get("resourceNames") == ["bench-chatprobe"] for verb in rule["verbs"]}
    assert named == {verb for right in rbac.LEASE if right.own for verb in right.verbs}
    alone = render("chatprobe", {})
    assert alone.all("Lease") == []
    assert not any(argument.startswith("--lease") for argument in container(alone)["args"])


def test_the_lease_goes_with_the_release() -> None:
    """Helm removes what it has made; the holder is the pods' to write."""
    for values in ({"replicas": 2}, {"replicas": 2, "rbac": {"create": False}}):
        lease = render("chatprobe", values).one("Lease")
        assert lease["metadata"]["name"] == "bench-chatprobe"
        assert "spec" not in lease


@pytest.mark.parametrize("replicas", [1, 2, 3, 10])
def test_one_strategy_for_every_count_ends_a_pod_before_the_next_starts(replicas: int) -> None:
    """Two at once would chat twice as much. Another type for another count would be refused by server-side apply."""
    strategy = probing(render("chatprobe", {"replicas": replicas}))["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


KEPT = {"history": {"persistence": {"enabled": True}}}
HISTORY = {"name": "history", "mountPath": "/var/lib/chatprobe"}


@pytest.mark.parametrize("shards", [1, 3])
def test_a_history_lies_nowhere_but_in_memory_unless_a_volume_is_asked_for(shards: int) -> None:
    rendered = render("chatprobe", {"shards": shards})
    assert not rendered.all("PersistentVolumeClaim")
    assert "volumeClaimTemplates" not in probing(rendered)["spec"]
    assert "path" not in yaml.safe_load(configuration(rendered))["history"]


def test_a_history_is_kept_in_a_claim_of_the_chart_and_its_pod_is_gone_before_the_next_one_opens_it() -> None:
    persistence = {"enabled": True, "size": "5Gi", "storageClass": "fast"}
    rendered = render("chatprobe", {"history": {"persistence": persistence}, "config": {"history": {"keep": "30d"}}})
    (claim,) = rendered.all("PersistentVolumeClaim")
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    spec = probing(rendered)["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    volume = {"name": "history", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
    assert volume in spec["template"]["spec"]["volumes"]
    assert HISTORY in container(rendered)["volumeMounts"]
    history = yaml.safe_load(configuration(rendered))["history"]
    assert history == {"path": "/var/lib/chatprobe/history.sqlite", "keep": "30d"}
    assert parse(configuration(rendered)).config.history.path == history["path"]


def test_a_claim_that_exists_is_taken_and_one_that_is_not_to_be_kept_goes_with_the_release() -> None:
    rendered = render("chatprobe", {"history": {"persistence": {"enabled": True, "existingClaim": "mine"}}})
    assert not rendered.all("PersistentVolumeClaim")
    volume = {"name": "history", "persistentVolumeClaim": {"claimName": "mine"}}
    assert volume in probing(rendered)["spec"]["template"]["spec"]["volumes"]
    (claim,) = render("chatprobe", {"history": {"persistence": {"enabled": True, "keep": False}}}).all("PersistentVolumeClaim")
    assert "annotations" not in claim["metadata"]


def test_each_shard_keeps_a_history_of_its_own() -> None:
    rendered = render("chatprobe", {**KEPT, "shards": 3})
    assert not rendered.all("PersistentVolumeClaim")
    spec = probing(rendered)["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["spec"]["resources"]) == ("history", {"requests": {"storage": "2Gi"}})
    assert "history" not in {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
    assert HISTORY in container(rendered)["volumeMounts"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({**KEPT, "replicas": 2}, "history.persistence: replicas do not share a history"),
        ({"history": {"persistence": {"enabled": True, "existingClaim": "mine"}}, "shards": 2}, "shards do not share a history"),
        ({"history": {"persistence": {"enabled": True, "size": "large"}}}, "size"),
    ],
)
def test_pods_share_no_history(values: Json, why: str) -> None:
    with pytest.raises(helm_python.HelmError, match=why):
        render("chatprobe", values)


@pytest.mark.parametrize("name", EVERY)
def test_a_token_is_mounted_where_the_api_is_asked_and_nowhere_else(name: str) -> None:
    rendered = render("chatprobe", example("chatprobe", name))
    assert probing(rendered)["spec"]["template"]["spec"]["automountServiceAccountToken"] is bool(rendered.all("Role"))
    assert not any(each["automountServiceAccountToken"] for each in rendered.all("ServiceAccount"))


@pytest.mark.parametrize("name", EVERY)
def test_chatprobe_takes_the_configuration(name: str, tmp_path: Path, ca_file: str) -> None:
    text = configuration(render("chatprobe", example("chatprobe", name)))
    (tmp_path / "api-key").write_text("sk-1")
    (tmp_path / "port").mkdir()
    (tmp_path / "port" / "ci").write_text("0123456789abcdef")
    for folder in (tmp_path, tmp_path / "port"):
        (folder / "web.yaml").write_text("http_server_config: {}")
    text = text.replace("/etc/chatprobe/web.yaml", str(tmp_path / "web.yaml"))
    text = text.replace("/var/run/secrets/chatprobe/vllm-key", str(tmp_path)).replace("/etc/chatprobe-authorities/router-ca/ca.crt", ca_file)
    loaded = parse(text.replace("/var/run/secrets/chatprobe", str(tmp_path)))
    assert [str(warning) for warning in loaded.warnings] == []
    assert loaded.config.scenarios


def test_every_section_of_the_configuration_that_serve_has_a_use_for_is_a_value() -> None:
    assert set(yaml.safe_load((HELM / "chatprobe" / "values.yaml").read_text())["config"]) == set(keys(Config)) - {"bench"}
    with pytest.raises(helm_python.HelmError, match="additional properties 'scenarioss' not allowed"):
        render("chatprobe", {"config": {"scenarioss": {}}})


@pytest.mark.parametrize("name", EVERY)
def test_a_pod_is_asked_whether_it_lives_and_is_ready_and_may_end_its_chats(name: str) -> None:
    rendered = render("chatprobe", example("chatprobe", name))
    found = container(rendered)
    assert {probe: found[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": "/-/healthy",
        "livenessProbe": "/-/healthy",
        "readinessProbe": "/-/ready",
    }
    assert {found[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {"metrics"}
    config = yaml.safe_load(configuration(rendered))
    assert found["ports"] == [{"name": "metrics", "containerPort": int(config["web"]["listen"].rpartition(":")[2])}]


def test_a_pod_has_the_time_that_its_longest_chat_may_take() -> None:
    rendered = render("chatprobe", {})
    longest = max(scenario.timeout_seconds for scenario in parse(configuration(rendered)).config.scenarios.values())
    assert probing(rendered)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= longest


@pytest.mark.parametrize(
    ("values", "expected"), [({}, 0), ({"replicas": 2}, 1), ({"shards": 3}, 1), ({"shards": 3, "podDisruptionBudget": {"enabled": False}}, 0)]
)
def test_drains_are_held_back_only_where_there_are_several_pods(values: Json, expected: int) -> None:
    assert len(render("chatprobe", values).all("PodDisruptionBudget")) == expected


def test_shards_are_counted_from_one_by_the_pods_ordinals() -> None:
    rendered = render("chatprobe", {"shards": 3})
    spec = rendered.one("StatefulSet")["spec"]
    (argument,) = [each.removeprefix("--shard=") for each in container(rendered)["args"] if each.startswith("--shard=")]
    (variable,) = [each for each in container(rendered)["env"] if each["name"] == "SHARD"]
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}}
    ordinals = range(spec["ordinals"]["start"], spec["ordinals"]["start"] + spec["replicas"])
    assert [read_shard(argument.replace("$(SHARD)", str(ordinal))).number for ordinal in ordinals] == [1, 2, 3]
    with pytest.raises(helm_python.HelmError, match="replicas: stand-ins for shards are not possible; set either shards or replicas to 1"):
        render("chatprobe", {"shards": 2, "replicas": 2})


def test_a_change_of_the_configuration_replaces_the_pods_unless_it_is_reloaded() -> None:
    def checksum(values: Json) -> str | None:
        found: str | None = probing(render("chatprobe", values))["spec"]["template"]["metadata"]["annotations"].get("checksum/config")
        return found

    changed = {"config": {"limits": {"tokens_per_hour": 1000}}}
    assert checksum({}) != checksum(changed)
    assert checksum({}) == checksum({"dashboards": {"enabled": False}})
    assert checksum({**changed, "rollOnConfigChange": False}) is None


def test_a_digest_goes_before_a_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    assert container(render("chatprobe", {}))["image"] == "ghcr.io/chatprobe/chatprobe:0.1.0"
    assert container(render("chatprobe", {"image": {"tag": "1", "digest": digest}}))["image"] == f"ghcr.io/chatprobe/chatprobe@{digest}"


def test_no_label_of_ours_is_one_that_prometheus_gives() -> None:
    metrics = [each for each in vars(own).values() if isinstance(each, Metric)]
    assert len(metrics) > 50
    assert {label for metric in metrics for label in metric.labels} & OF_THE_OPERATOR == set()
    (endpoint,) = render("chatprobe", {}).one("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["honorLabels"] is False


def test_a_service_monitor_takes_what_prometheus_shall_make_of_histograms() -> None:
    wanted = {"convertClassicHistogramsToNHCB": True, "scrapeClassicHistograms": True, "scrapeNativeHistograms": True}
    monitor = render("chatprobe", {"serviceMonitor": {"spec": {**wanted, "selector": {}, "endpoints": []}}}).one("ServiceMonitor")
    assert monitor["spec"].items() >= wanted.items()
    assert {key: value for key, value in monitor["spec"].items() if key not in wanted} == render("chatprobe", {}).one("ServiceMonitor")["spec"]
    assert [*problems("servicemonitors", monitor)] == []


def test_the_service_monitor_finds_the_service_and_the_service_the_pods() -> None:
    rendered = render("chatprobe", {})
    service, monitor = rendered.one("Service"), rendered.one("ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [port["name"] for port in service["spec"]["ports"]] == [each["port"] for each in monitor["spec"]["endpoints"]]
    assert service["spec"]["selector"].items() <= probing(rendered)["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("retention", ["long", "1d"])
def test_promtool_accepts_the_rules(retention: str, tmp_path: Path) -> None:
    values = {"prometheusRule": {"retention": retention, "grafanaUrl": "https://grafana.example.com", "alertLabels": {"team": "llm"}}}
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(render("chatprobe", values).one("PrometheusRule")["spec"]))
    done = subprocess.run([promtool(), "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("retention", "folder"), [("long", "."), ("1d", "one-day")])
def test_the_rules_are_those_that_are_generated_but_for_links_and_labels(retention: str, folder: str) -> None:
    values = {"prometheusRule": {"retention": retention}}
    generated = [
        group
        for name in ("recordings", "alerts", "slos")
        for group in yaml.safe_load((ROOT / "alerts/generated" / folder / f"{name}.rules.yaml").read_text())["groups"]
    ]
    assert render("chatprobe", values).one("PrometheusRule")["spec"]["groups"] == generated


def test_alerts_link_to_where_the_values_say() -> None:
    values = {
        "prometheusRule": {
            "grafanaUrl": "https://grafana.example.com/base/",
            "runbooksUrl": "https://wiki.example.com/llm",
            "alertLabels": {"team": "llm"},
        }
    }
    found = list(alerts(render("chatprobe", values)))
    assert len(found) > 20
    for alert in found:
        assert alert["labels"]["team"] == "llm"
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example.com/llm/{alert['alert']}.md"
        assert alert["annotations"]["dashboard_url"].startswith("https://grafana.example.com/base/d/chatprobe-")
    assert not any("dashboard_url" in alert["annotations"] for alert in alerts(render("chatprobe", {})))


def test_no_rule_for_a_day_of_samples_looks_back_further() -> None:
    hours = {"m": 1 / 60, "h": 1, "d": 24, "w": 168}
    short, long = (json.dumps(render("chatprobe", {"prometheusRule": {"retention": each}}).one("PrometheusRule")) for each in ("1d", "long"))
    windows = [float(number) * hours[unit] for number, unit in re.findall(r"\[(\d+)([mhdw])\]", short)]
    assert max(windows) <= 24
    assert "[3d]" in long
    assert not re.search(r"offset \d+[dw]", short)


def test_rules_of_other_slos_are_not_brought() -> None:
    ours = {name for name in groups(render("chatprobe", {})) if name.startswith("sloth-")}
    assert len(ours) >= 6
    changed = render("chatprobe", {"config": {"slos": {"available": {"objective": "99%"}}}})
    assert not {name for name in groups(changed) if name.startswith("sloth-")}
    assert "NO RULES OF SLOs" in changed.notes
    scenario = render("chatprobe", {"config": {"scenarios": {"heartbeat": {"every": "60s"}}}})
    assert not {name for name in groups(scenario) if name.startswith("sloth-")}
    more = render("chatprobe", {"config": {"scenarios": {"race": {"every": "60s"}}}})
    assert {name for name in groups(more) if name.startswith("sloth-")} == ours, "no SLO counts its chats"
    mine = {"name": "mine", "rules": [{"record": "mine", "expr": "vector(1)"}]}
    pasted = render("chatprobe", {"config": {"slos": {"available": {"objective": "99%"}}}, "prometheusRule": {"slos": {"groups": [mine]}}})
    assert {name for name in groups(pasted) if not name.startswith("chatprobe-")} == {"mine"}
    assert "NO RULES OF SLOs" not in pasted.notes


def test_notes_say_what_is_not_there() -> None:
    notes = render("chatprobe", {}, KUBERNETES).notes
    assert "NO ServiceMonitor (this cluster does not know them)" in notes
    assert "NO PrometheusRule (this cluster does not know them)" in notes
    assert "24 hours" in render("chatprobe", {}).notes
    assert "24 hours" not in render("chatprobe", {"prometheusRule": {"retention": "1d"}}).notes
    assert "nodes" in render("chatprobe", {"config": {"discovery": {"kubernetes": {"prefer": ["nodeport"]}}}}).notes


def test_each_dashboard_is_a_config_map_and_a_grafana_dashboard_leads_to_it() -> None:
    rendered = render("chatprobe", {"dashboards": {"grafanaOperator": {"enabled": True}}})
    held = {each["metadata"]["name"]: each for each in rendered.all("ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]}
    shown = {file: json.loads(text) for each in held.values() for file, text in each["data"].items()}
    assert shown == {file.name: json.loads(file.read_text()) for file in (ROOT / "dashboards/generated").glob("*.json")}
    references = [each["spec"]["configMapRef"] for each in rendered.all("GrafanaDashboard")]
    assert {(each["name"], each["key"]) for each in references} == {(name, file) for name, each in held.items() for file in each["data"]}
    assert not [each for each in render("chatprobe", {"dashboards": {"enabled": False}}).all("ConfigMap") if "chatprobe.yaml" not in each["data"]]


@pytest.mark.parametrize("chart", ["chatprobe", "stack"])
def test_a_release_fits_into_the_secret_that_helm_keeps_it_in(chart: str, tmp_path: Path) -> None:
    with tarfile.open(helm_python.package(HELM / chart, destination=tmp_path)) as package:
        held = [file.read() for each in package.getmembers() if (file := package.extractfile(each))]
    operator = {"dashboards": {"grafanaOperator": {"enabled": True}}}
    sent = [json.dumps(each).encode() for each in render(chart, {"chatprobe": operator} if chart == "stack" else operator).objects]
    assert len(zlib.compress(b"".join([*held, *sent]), 9)) * (4 / 3) ** 2 < 900_000, "base64 twice, of at most 1 MiB"


def test_the_network_policy_lets_monitoring_in_and_chats_out() -> None:
    values = {"networkPolicy": {"enabled": True}, "config": {"discovery": {"kubernetes": {"namespaces": ["a", "b"]}}}}
    spec = render("chatprobe", values).one("NetworkPolicy")["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= probing(render("chatprobe", values))["spec"]["template"]["metadata"]["labels"].items()
    (way_in,) = spec["ingress"]
    assert {"namespaceSelector": {"matchLabels": {"network.openshift.io/policy-group": "monitoring"}}} in way_in["from"]
    assert way_in["ports"] == [{"protocol": "TCP", "port": "metrics"}]
    assert {port["port"] for rule in spec["egress"] for port in rule.get("ports", [])} == {53, 5353, 443, 6443}
    (engines,) = [rule["to"] for rule in spec["egress"] if "to" in rule]
    assert [each["namespaceSelector"]["matchLabels"] for each in engines] == [
        {"kubernetes.io/metadata.name": "a"},
        {"kubernetes.io/metadata.name": "b"},
    ]
    (test,) = render("chatprobe", values).hooks
    assert any(each.get("podSelector", {}).get("matchLabels", {"": ""}).items() <= test["metadata"]["labels"].items() for each in way_in["from"])
    assert pod(test) is not None


def test_notes_say_when_no_prometheus_is_let_in() -> None:
    values = {"networkPolicy": {"enabled": True}}
    assert "KEEPS PROMETHEUS OUT" in render("chatprobe", values, KUBERNETES).notes
    assert "KEEPS PROMETHEUS OUT" not in render("chatprobe", values, OPENSHIFT).notes
    assert "KEEPS PROMETHEUS OUT" not in render("chatprobe", {}, KUBERNETES).notes
    assert "KEEPS PROMETHEUS OUT" not in render("chatprobe", example("chatprobe", "kubernetes"), KUBERNETES).notes


@pytest.mark.parametrize(
    ("kubernetes", "expected"),
    [
        ({}, []),
        (None, []),
        ({"prefer": ["route", "service"]}, [{"protocol": "TCP", "port": 80}]),
        ({"prefer": ["ingress"]}, [{"protocol": "TCP", "port": 80}]),
        ({"prefer": ["nodeport"]}, [{"protocol": "TCP", "port": 30000, "endPort": 32767}]),
        ({"prefer": None}, [{"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 30000, "endPort": 32767}]),
    ],
)
def test_the_network_policy_lets_chats_out_by_the_ways_that_are_preferred(kubernetes: Json | None, expected: list[Json]) -> None:
    values = {"networkPolicy": {"enabled": True}, "config": {"discovery": {"kubernetes": kubernetes}}}
    always = (53, 5353, 443, 6443)
    egress = render("chatprobe", values).one("NetworkPolicy")["spec"]["egress"]
    assert [port for rule in egress for port in rule.get("ports", []) if port["port"] not in always] == expected


def test_real_time_is_to_be_had_by_values_alone() -> None:
    values = {
        "podSecurityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "securityContext": {"capabilities": {"add": ["SYS_NICE"]}},
        "requiredScc": "real-time",
    }
    rendered = render("chatprobe", values)
    template = probing(rendered)["spec"]["template"]
    assert template["metadata"]["annotations"]["openshift.io/required-scc"] == "real-time"
    assert (template["spec"]["securityContext"]["runAsUser"], template["spec"]["securityContext"]["runAsNonRoot"]) == (0, False)
    assert container(rendered)["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SYS_NICE"]}
