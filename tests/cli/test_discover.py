"""`chatprobe discover` and `chatprobe validate`, on a cluster whose API answers on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from discovery.kubernetes.rbac import DISCOVERY, VALIDATION
from simulator import Options, simulated
from tests.cluster import api, objects

NAMESPACE = objects.NAMESPACE


@pytest.fixture
def cluster() -> api.Cluster:
    return api.Cluster()


@pytest.fixture
def config(cluster: api.Cluster, tmp_path: Path) -> Iterator[Path]:
    with api.serving(cluster) as url:
        file = tmp_path / "chatprobe.yaml"
        file.write_text(
            f"discovery: {{kubernetes: {{namespaces: [{NAMESPACE}], kubeconfig: {api.kubeconfig(tmp_path, url)}, loopback: true, "
            'selector: "app in (vllm,tgi,engine)"}}\n'
            "scenarios: {beat: {every: 15s}}\n"
        )
        yield file


async def run(*arguments: str) -> Result:
    """In a thread of its own, so that engines can answer meanwhile."""
    return await asyncio.to_thread(CliRunner().invoke, main, list(arguments))


async def test_the_four_ways_in_a_table(cluster: api.Cluster, config: Path) -> None:
    async with simulated("vllm", Options()) as vllm:
        cluster.put(objects.node("worker", external="127.0.0.1"))
        cluster.put(
            objects.service("by-node", app="engine", node_port=urlsplit(vllm.url).port), objects.endpoint_slice("by-node", "10.0.0.1", zones=("a",))
        )
        cluster.put(objects.service("by-route"), objects.route("by-route", "by-route", host="no.one.invalid"))
        cluster.put(objects.service("by-ingress"), objects.ingress("by-ingress", "by-ingress", host="nowhere.at.invalid", tls=False))
        cluster.put(objects.service("itself"), objects.route("closed", "itself", admitted=False))
        cluster.put(objects.service("outside", type="ExternalName"), objects.service("not-me", annotations={"chatprobe.io/probe": "false"}))
        shown, machine = await run("discover", "--config", str(config)), await run("discover", "--config", str(config), "--json")
    assert (shown.exit_code, machine.exit_code) == (0, 0), shown.output
    told = json.loads(machine.output)
    version = next(one["version"] for one in told["targets"] if one["url"] == vllm.url)
    rows = {row[0]: row for line in shown.output.splitlines() if len(row := [cell.strip() for cell in line.split("  ") if cell.strip()]) > 5}
    assert rows[f"{NAMESPACE}/by-node"] == [f"{NAMESPACE}/by-node", "node worker", vllm.url, "none", "vllm", version, "healthy", "1 (1 in a)"]
    assert rows[f"{NAMESPACE}/by-route"][1:4] == ["Route by-route", "https://no.one.invalid", "edge, certificate not seen, HTTP redirected"]
    assert rows[f"{NAMESPACE}/by-ingress"][1:4] == ["Ingress by-ingress", "http://nowhere.at.invalid", "none"]
    assert rows[f"{NAMESPACE}/itself"][1:3] == ["the Service", f"http://itself.{NAMESPACE}.svc.cluster.local:8000"]
    assert f"{NAMESPACE}/itself: not otherwise: Route closed is admitted by no router" in shown.output
    assert f"passed over: {NAMESPACE}/outside: is of type ExternalName, which leads anywhere" in shown.output
    assert f"passed over: {NAMESPACE}/not-me: is annotated chatprobe.io/probe: false" in shown.output
    found = {one["name"].partition("/")[2]: one for one in told["targets"]}
    assert [found[name]["way"] for name in ("by-route", "by-ingress", "by-node", "itself")] == ["route", "ingress", "nodeport", "service"]
    assert found["by-node"]["healthy"] is True
    assert found["by-node"]["replicas"] == [{"name": "by-node-0", "zone": "a"}]
    assert found["by-route"]["tls"]["termination"] == "edge"
    assert "canary" not in shown.output + machine.output
    assert {(right.group, right.resource, verb) for right in DISCOVERY for verb in right.verbs} >= cluster.verbs()


async def test_a_cluster_that_cannot_be_looked_at(cluster: api.Cluster, config: Path) -> None:
    cluster.fail("forbidden")
    result = await run("discover", "--config", str(config))
    assert result.exit_code == 1
    assert "no targets were found" in result.output
    assert f"services of {NAMESPACE}: no right to services in namespace {NAMESPACE} (403); grant it by a role" in result.output
    assert "canary" not in result.output


async def test_validate_says_what_is_wrong_and_what_would_mend_it(cluster: api.Cluster, config: Path) -> None:
    async with simulated("vllm", Options()) as vllm, simulated("tgi", Options()) as tgi:
        cluster.put(objects.node("gpu-0", external="127.0.0.1", gpus=2), objects.node("gpu-1", gpus=1), objects.node("cpu"))
        cluster.put(objects.service("vllm", node_port=urlsplit(vllm.url).port), objects.endpoint_slice("vllm", "10.0.0.1"))
        cluster.put(objects.service("tgi", app="tgi", node_port=urlsplit(tgi.url).port), objects.endpoint_slice("tgi", "10.0.0.2"))
        cluster.put(objects.pod("vllm-0", node_name="gpu-0"), objects.pod("tgi-0", node_name="gpu-0", app="tgi"))
        cluster.put(objects.pod("done", node_name="gpu-1", phase="Succeeded"), objects.claim("models", phase="Pending"))
        cluster.put(objects.route("vllm", "vllm", admitted=False, termination=None), objects.monitoring(enabled=False))
        cluster.groups.add("config.openshift.io")
        result, machine = await run("validate", "--config", str(config)), await run("validate", "--config", str(config), "--json")
    made = {check["name"]: check for check in json.loads(machine.output)["checks"]}
    assert {name: check["verdict"] for name, check in made.items()} == {
        "engines present": "ok",
        "engines healthy": "ok",
        "same model on all": "ok",
        "GPU nodes": "ok",
        "free GPUs": "ok",
        "engines on separate nodes": "failed",
        "storage bound": "failed",
        "Route timeouts": "failed",
        "Routes hand on tokens": "warning",
        "user-workload monitoring": "failed",
    }
    assert made["GPU nodes"]["found"] == "2 with 3 GPUs"
    assert made["free GPUs"]["found"] == "1", "two of three are taken; what is over takes none"
    assert (result.exit_code, machine.exit_code) == (1, 1)
    assert "-> end TLS at the router (spec.tls.termination: edge), or have chats go to the Service itself" in result.output
    assert "-> give their pods a podAntiAffinity with topologyKey kubernetes.io/hostname" in result.output
    assert cluster.verbs() <= {(right.group, right.resource, verb) for right in VALIDATION for verb in right.verbs}


async def test_validate_without_the_right_to_see_everything(cluster: api.Cluster, config: Path) -> None:
    cluster.put(objects.node("gpu-0"))
    cluster.fail("forbidden", "pods")
    result = await run("validate", "--config", str(config), "--json")
    made = {check["name"]: check for check in json.loads(result.output)["checks"]}
    assert made["GPU nodes"]["verdict"] == "unknown"
    assert made["GPU nodes"]["found"] == "no right to pods in the whole cluster (403)"


async def test_validate_needs_a_cluster(tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    file.write_text("targets: {vllm: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n")
    result = await run("validate", "--config", str(file))
    assert (result.exit_code, result.output) == (
        1,
        "Error: the configuration names no cluster; write discovery: {kubernetes: {namespaces: [NAMESPACE]}}\n",
    )


async def test_what_the_configuration_names_is_shown_too(tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    async with simulated("ollama", Options()) as one:
        file.write_text(f"targets: {{mine: {{backend: ollama, url: {one.url}}}}}\nscenarios: {{beat: {{every: 15s}}}}\n")
        result = await run("discover", "--config", str(file))
    assert result.exit_code == 0
    assert "configuration" in result.output
    assert "healthy" in result.output
