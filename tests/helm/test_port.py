"""The chart's port: whoever closes it has probes and Prometheus go on working."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python
import pytest
import trustme
import yaml

from config.reader import parse
from config.web_reading import read_web_file
from exporter.web.security.port import Port
from exporter.web.security.roles import Role
from tests.crds import problems
from tests.exporter.security.ports import HASH
from tests.helm.cluster import NAMESPACE, OPENSHIFT, Rendered, example, render
from tests.helm.test_chatprobe import configuration, container, probing

Json = dict[str, Any]
SHUT, TOKENS = example("chatprobe", "shut"), example("chatprobe", "tokens")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def endpoint(rendered: Rendered) -> Json:
    monitor = rendered.one("ServiceMonitor")
    assert [*problems("servicemonitors", monitor)] == []
    (found,) = monitor["spec"]["endpoints"]
    assert isinstance(found, dict)
    return found


def test_by_default_it_is_open_to_read_as_scrapes_need_it() -> None:
    rendered = render("chatprobe", {})
    settings = parse(configuration(rendered)).config
    port = Port()
    port.put_in_force(port.read(settings))
    assert (port.rules.anonymous, port.rules.hosts.names, port.rules.context) == (Role.READ, None, None)
    assert "scheme" not in endpoint(rendered)
    assert all("scheme" not in container(rendered)[probe]["httpGet"] for probe in PROBES)
    assert not [each for each in rendered.objects if each["metadata"]["name"].endswith(("-auth", "-scraper", "-reader", "-operator"))]


def test_openshifts_own_way() -> None:
    rendered = render("chatprobe", SHUT)
    name, secret = "bench-chatprobe", SHUT["tls"]["secret"]
    assert rendered.one("Service")["metadata"]["annotations"]["service.beta.openshift.io/serving-cert-secret-name"] == secret
    assert all(container(rendered)[probe]["httpGet"]["scheme"] == "HTTPS" for probe in PROBES)
    found = endpoint(rendered)
    assert found["scheme"] == "https"
    assert found["tlsConfig"] == {
        "ca": {"configMap": {"name": "openshift-service-ca.crt", "key": "service-ca.crt"}},
        "serverName": f"{name}.{NAMESPACE}.svc",
    }
    assert found["authorization"] == {"credentials": {"name": f"{name}-scraper", "key": "token"}}
    assert rendered.one("Route")["spec"]["tls"]["termination"] == "reencrypt"
    assert probing(rendered)["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert rendered.one("Secret")["type"] == "kubernetes.io/service-account-token"
    assert "for whoever shows who they are" in rendered.notes
    assert "https://127.0.0.1:9840" in rendered.notes


def test_who_may_ask_who_may_scrape_and_what_can_be_bound() -> None:
    rendered = render("chatprobe", SHUT)
    bound = {each["roleRef"]["name"]: [subject["name"] for subject in each["subjects"]] for each in rendered.all("ClusterRoleBinding")}
    scrapes = f"{NAMESPACE}-bench-chatprobe-scraper"
    assert bound == {"system:auth-delegator": ["bench-chatprobe"], scrapes: ["bench-chatprobe-scraper"]}
    rules = {each["metadata"]["name"].rpartition("-")[2]: each["rules"] for each in rendered.all("ClusterRole")}
    assert rules == {
        "scraper": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
        "reader": [{"nonResourceURLs": ["*"], "verbs": ["get"]}],
        "operator": [{"nonResourceURLs": ["*"], "verbs": ["get", "post"]}],
    }
    without = render("chatprobe", {**SHUT, "rbac": {"create": False}})
    assert without.all("ClusterRole") == without.all("ClusterRoleBinding") == without.all("Secret") == []
    assert "authorization" not in endpoint(without)


def test_the_certificate_is_where_the_written_file_says(tmp_path: Path, authority: trustme.CA) -> None:
    rendered = render("chatprobe", SHUT)
    assert parse("web: {}\n" + "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {b: {every: 15s}}").config.web.config_file is None
    (data,) = [each["data"] for each in rendered.all("ConfigMap") if "web.yaml" in each["data"]]
    assert yaml.safe_load(configuration(rendered))["web"]["config_file"] == "/etc/chatprobe/web.yaml"
    mounts = {each["name"]: each["mountPath"] for each in container(rendered)["volumeMounts"]}
    one = authority.issue_cert("chatprobe.example")
    one.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    one.private_key_pem.write_to_path(tmp_path / "tls.key")
    (tmp_path / "web.yaml").write_text(data["web.yaml"].replace(mounts["tls"], str(tmp_path)))
    assert read_web_file(str(tmp_path / "web.yaml")).tls_server_config is not None


def test_a_file_and_tokens_of_ones_own(tmp_path: Path) -> None:
    rendered = render("chatprobe", TOKENS)
    found = endpoint(rendered)
    assert found["scheme"] == "https"
    assert found["basicAuth"] == TOKENS["serviceMonitor"]["endpoint"]["basicAuth"]
    assert found["tlsConfig"] == TOKENS["serviceMonitor"]["endpoint"]["tlsConfig"]
    text = configuration(rendered).replace("/var/run/secrets/chatprobe/port", str(tmp_path)).replace("/var/run/secrets/chatprobe", str(tmp_path))
    (tmp_path / "web.yaml").write_text(f"basic_auth_users: {{prometheus: {HASH}}}")
    (tmp_path / "ci").write_text("0123456789abcdef")
    port = Port()
    port.put_in_force(port.read(parse(text).config))
    assert port.rules.anonymous is None
    assert port.rules.tokens.role("0123456789abcdef") is Role.OPERATE
    (hook,) = rendered.hooks
    (shown,) = [each for each in hook["spec"]["containers"][0]["env"] if each["name"] == "TOKEN"]
    assert shown["valueFrom"] == {"secretKeyRef": {"name": "port-login", "key": "ci"}}
    assert hook["spec"]["containers"][0]["args"][1] == f"https://bench-chatprobe.{NAMESPACE}.svc:9840"


def test_with_shards_and_stand_ins_too() -> None:
    for more in ({"shards": 2}, {"replicas": 2}):
        rendered = render("chatprobe", SHUT | more)
        assert container(rendered)["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"


def test_what_a_probe_says_itself_stands() -> None:
    rendered = render("chatprobe", SHUT | {"livenessProbe": {"httpGet": None, "tcpSocket": {"port": "metrics"}}})
    assert container(rendered)["livenessProbe"]["tcpSocket"] == {"port": "metrics"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"tls": {"enabled": True}}, "tls.enabled: there is no certificate"),
        ({"tls": {"secret": "x"}}, "tls.enabled: there is a certificate, and TLS is off"),
        (
            {"tls": {"enabled": True, "secret": "x"}, "config": {"web": {"config_file": "/x"}}},
            "tls.secret: config.web.config_file names the certificate",
        ),
        ({"tls": {"enabled": True, "servingCert": True}, "config": {"web": {"config_file": "/x"}}}, "tls.secret: OpenShift makes the Secret"),
        ({"config": {"web": {"anonymous": "admin"}}}, "anonymous"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: Json, said: str) -> None:
    with pytest.raises(helm_python.HelmError, match=said):
        render("chatprobe", values, OPENSHIFT)
