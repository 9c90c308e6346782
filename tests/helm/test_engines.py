"""What is particular to the charts of engines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from helm.reference.build import HELM
from tests.helm.cluster import KUBERNETES, OPENSHIFT, Cluster, example, examples, render
from tests.helm.objects import containers

ENGINES = ("vllm", "tgi", "ollama")
PORTS = {"vllm": 8000, "tgi": 3000, "ollama": 11434}
EVERY = [pytest.param(engine, name, id=f"{engine}-{name}") for engine in ENGINES for name in examples(engine)]

EVERYWHERE = {"HOME", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}
PYTORCH = {"HF_HOME", "HUGGINGFACE_HUB_CACHE", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "NUMBA_CACHE_DIR", "OUTLINES_CACHE_DIR"}
WRITTEN_TO = {
    "vllm": EVERYWHERE | PYTORCH | {"VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT"},
    "tgi": EVERYWHERE | PYTORCH,
    "ollama": EVERYWHERE | {"OLLAMA_MODELS"},
}
"""The variables by which each engine and its libraries find what they write to; without one of them they try below `/` or `/root`, and fail."""

Json = dict[str, Any]


def pod(engine: str, values: Json | None = None, cluster: Cluster = OPENSHIFT) -> Json:
    spec: Json = render(engine, values or {}, cluster).one("Deployment")["spec"]["template"]["spec"]
    return spec


def container(engine: str, values: Json | None = None) -> Json:
    (found,) = pod(engine, values)["containers"]
    return dict(found)


def environment(of: Json) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in of["env"]}


@pytest.mark.parametrize(("engine", "name"), EVERY)
def test_everything_that_is_written_lies_in_one_volume(engine: str, name: str) -> None:
    spec = pod(engine, example(engine, name))
    for each in containers(spec):
        variables = environment(each)
        assert variables.keys() >= WRITTEN_TO[engine]
        assert [key for key in WRITTEN_TO[engine] - {"USER"} if not variables[key].startswith("/cache/")] == []
        assert len(variables) == len(each["env"]), "a name twice, which server-side apply refuses"
        writable = {mount["mountPath"] for mount in each["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {"/cache", "/tmp"} | ({"/dev/shm"} if engine != "ollama" else set())


@pytest.mark.parametrize(("engine", "name"), EVERY)
def test_it_has_no_way_into_the_cluster(engine: str, name: str) -> None:
    rendered = render(engine, example(engine, name))
    specs = [rendered.one("Deployment")["spec"]["template"]["spec"], *(hook["spec"] for hook in rendered.hooks)]
    assert [spec["automountServiceAccountToken"] for spec in specs] == [False, False]
    assert [each["automountServiceAccountToken"] for each in rendered.all("ServiceAccount")] in ([], [False])


@pytest.mark.parametrize(("engine", "name"), EVERY)
def test_it_has_time_to_load_a_model(engine: str, name: str) -> None:
    deployment = render(engine, example(engine, name)).one("Deployment")["spec"]
    (each,) = deployment["template"]["spec"]["containers"]
    budget = each["startupProbe"]["periodSeconds"] * each["startupProbe"]["failureThreshold"]
    assert budget >= 30 * 60
    assert deployment["progressDeadlineSeconds"] > budget
    assert deployment["strategy"] == {"type": "Recreate"}
    asked = [each[probe]["httpGet"] for probe in ("readinessProbe", "livenessProbe") if engine != "tgi" or probe != "livenessProbe"]
    assert asked
    assert all(get == {"path": "/" if engine == "ollama" else "/health", "port": "http"} for get in asked)
    assert int(each["lifecycle"]["preStop"]["exec"]["command"][-1]) < deployment["template"]["spec"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_strategy_says_all_that_belongs_to_it(engine: str, count: int) -> None:
    """What the API server fills in stays under server-side apply: a `rollingUpdate` that nobody wrote would be refused beside Recreate."""
    values: Json = {"replicaCount": count, "persistence": {"enabled": False}}
    rolling = render(engine, {**values, "strategy": "RollingUpdate"}).one("Deployment")["spec"]["strategy"]
    assert rolling == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    assert render(engine, values).one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rollout_may_not_be_given_up_before_the_model_could_be_there(engine: str) -> None:
    with pytest.raises(
        helm_python.HelmError, match=r"progressDeadlineSeconds 600 is less than the 1800 s that probes.startup allows; more, or leave it out"
    ):
        render(engine, {"progressDeadlineSeconds": 600})
    assert render(engine, {"progressDeadlineSeconds": 2000}).one("Deployment")["spec"]["progressDeadlineSeconds"] == 2000


@pytest.mark.parametrize("engine", ENGINES)
def test_discovery_finds_its_service_and_knows_what_it_is(engine: str) -> None:
    service = render(engine, {}).one("Service")
    assert service["metadata"]["labels"]["app"] == engine
    assert service["metadata"]["annotations"]["chatprobe.io/backend"] == engine
    assert service["metadata"]["annotations"]["chatprobe.io/model"]
    assert service["spec"]["ports"] == [{"name": "http", "port": PORTS[engine], "targetPort": "http", "protocol": "TCP"}]
    assert container(engine)["ports"] == [{"name": "http", "containerPort": PORTS[engine], "protocol": "TCP"}]
    assert pod(engine)["enableServiceLinks"] is False


@pytest.mark.parametrize("engine", ENGINES)
def test_gpus_go_by_the_name_that_the_cluster_has_for_them(engine: str) -> None:
    resources = container(engine, {"gpu": {"count": 2, "resource": "nvidia.com/mig-3g.20gb"}})["resources"]
    assert resources["limits"]["nvidia.com/mig-3g.20gb"] == resources["requests"]["nvidia.com/mig-3g.20gb"] == 2
    assert "nvidia.com/gpu" not in resources["limits"]
    assert pod(engine)["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    without = pod(engine, {"gpu": {"count": 0}})
    assert without["containers"][0]["resources"].keys() == {"requests", "limits"}
    assert without["containers"][0]["resources"]["limits"].keys() == {"memory"}
    assert "tolerations" not in without


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_keep_away_from_each_other_by_a_label_that_all_have(engine: str) -> None:
    template = render(engine, {}).one("Deployment")["spec"]["template"]
    (term,) = template["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"chatprobe.io/engine-group": "engines"}}}
    assert template["metadata"]["labels"]["chatprobe.io/engine-group"] == "engines"
    (soft,) = pod(engine, {"antiAffinity": {"mode": "soft"}})["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert soft == {"weight": 100, "podAffinityTerm": term}
    assert "affinity" not in pod(engine, {"antiAffinity": {"mode": "none"}})
    own: Json = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": []}]}}}
    assert pod(engine, {"affinity": own})["affinity"].keys() == {"nodeAffinity", "podAntiAffinity"}


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
def test_the_memory_limit_counts_shared_memory(engine: str) -> None:
    volumes = {each["name"]: each for each in pod(engine)["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "4Gi"}
    with pytest.raises(helm_python.HelmError, match=r"shm.sizeLimit 8Gi leaves nothing of resources.limits.memory 8192Mi, which counts it"):
        render(engine, {"shm": {"sizeLimit": "8Gi"}, "resources": {"limits": {"memory": "8192Mi"}}})
    assert pod(engine, {"shm": {"sizeLimit": "8Gi"}, "resources": {"limits": {"memory": "8.5Gi"}}})


@pytest.mark.parametrize("engine", ENGINES)
def test_several_pods_need_a_volume_that_several_nodes_mount(engine: str) -> None:
    with pytest.raises(
        helm_python.HelmError, match=r"replicaCount 2 needs a volume that several nodes mount; persistence.accessModes: \[ReadWriteMany\]"
    ):
        render(engine, {"replicaCount": 2})
    assert render(engine, {}).all("PodDisruptionBudget") == []
    shared = render(engine, {"replicaCount": 2, "persistence": {"accessModes": ["ReadWriteMany"]}})
    assert shared.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert shared.one("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_route_is_there_where_it_is_asked_for(engine: str) -> None:
    assert render(engine, {}).all("Route") == [], "an engine without a key is not shown to the world unasked"
    assert render(engine, {"route": {"enabled": "auto"}}, KUBERNETES).all("Route") == []
    route = render(engine, {"route": {"enabled": "auto", "timeout": "20m"}}).one("Route")
    assert route["metadata"]["annotations"] == {"haproxy.router.openshift.io/timeout": "20m"}
    assert route["spec"]["to"]["name"] == render(engine, {}).one("Service")["metadata"]["name"]
    assert render(engine, {"route": {"enabled": True}}, KUBERNETES).one("Route") == render(engine, {"route": {"enabled": True}}).one("Route")


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
def test_its_metrics_are_scraped_once(engine: str) -> None:
    monitor = render(engine, {}).one("ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= render(engine, {}).one("Service")["metadata"]["labels"].items()
    assert [(each["port"], each["path"]) for each in monitor["endpoints"]] == [("http", "/metrics")]
    assert render(engine, {}, KUBERNETES).all("ServiceMonitor") == []
    assert render(engine, {"serviceMonitor": {"enabled": False}}).all("ServiceMonitor") == []
    assert render(engine, {"serviceMonitor": {"enabled": True}}, KUBERNETES).all("ServiceMonitor") != []
    monitor = render(engine, {"serviceMonitor": {"spec": {"convertClassicHistogramsToNHCB": True, "selector": {}}}}).one("ServiceMonitor")
    assert monitor["spec"] == {**render(engine, {}).one("ServiceMonitor")["spec"], "convertClassicHistogramsToNHCB": True}


def test_ollama_has_no_metrics_to_scrape() -> None:
    assert render("ollama", {}).all("ServiceMonitor") == []


def test_vllm_is_told_what_the_values_say() -> None:
    each = container("vllm", example("vllm", "openshift"))
    assert each["command"] == ["vllm", "serve"]
    assert each["args"] == [
        "meta-llama/Llama-3.1-70B-Instruct",
        "--host=0.0.0.0",
        "--port=8000",
        "--served-model-name=llama",
        "--revision=main",
        "--max-model-len=16384",
        "--tensor-parallel-size=4",
        "--enable-per-request-metrics",
        "--chat-template=/etc/engine/chat-template.jinja",
        "--gpu-memory-utilization=0.95",
    ]
    assert environment(each)["VLLM_API_KEY"] == {"secretKeyRef": {"name": "vllm-key", "key": "key"}}
    assert environment(each)["HF_TOKEN"] == {"secretKeyRef": {"name": "hugging-face", "key": "token"}}
    assert environment(each)["HF_HOME"] == "/cache/shared", "what the user says wins"


def test_a_changed_chat_template_restarts_vllm() -> None:
    def checksum(template: str) -> str:
        rendered = render("vllm", {"model": {"chatTemplate": template}})
        assert rendered.one("ConfigMap")["data"] == {"chat-template.jinja": template}
        found: str = rendered.one("Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/files"]
        return found

    assert checksum("{{ messages }}") == checksum("{{ messages }}") != checksum("{% raw %}\n\"'{{ messages }}")
    assert render("vllm", {}).all("ConfigMap") == []


def test_tgi_is_told_what_the_values_say() -> None:
    each = container("tgi", example("tgi", "openshift"))
    assert "command" not in each, "the image's own prepares its libraries"
    assert each["args"] == [
        "--model-id=/cache/models/llama",
        "--hostname=0.0.0.0",
        "--port=3000",
        "--json-output",
        "--num-shard=1",
        "--max-input-tokens=8192",
        "--max-total-tokens=16384",
    ]
    assert environment(each)["API_KEY"] == {"secretKeyRef": {"name": "tgi-key", "key": "api-key"}}
    assert environment(each)["HF_HUB_OFFLINE"] == "1"
    assert "HF_TOKEN" not in environment(each)


def test_ollama_is_told_what_the_values_say() -> None:
    variables = environment(container("ollama", {"keepAlive": "10m", "parallel": 2, "contextLength": 4096}))
    assert variables["OLLAMA_HOST"] == "0.0.0.0:11434"
    assert (variables["OLLAMA_KEEP_ALIVE"], variables["OLLAMA_NUM_PARALLEL"], variables["OLLAMA_CONTEXT_LENGTH"]) == ("10m", "2", "4096")
    assert environment(container("ollama"))["OLLAMA_KEEP_ALIVE"] == "-1"


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
def test_the_test_shows_the_key_that_clients_must_show(engine: str) -> None:
    (hook,) = render(engine, {"apiKey": {"existingSecret": "keys", "key": "k"}}).hooks
    (each,) = hook["spec"]["containers"]
    assert each["command"][each["command"].index("--api-key-file") + 1] == "/run/secrets/chatprobe/api-key"
    (volume,) = (volume for volume in hook["spec"]["volumes"] if volume["name"] == "api-key")
    assert volume["secret"] == {"secretName": "keys", "items": [{"key": "k", "path": "api-key"}]}
    (without,) = render(engine, {}).hooks
    assert "--api-key-file" not in without["spec"]["containers"][0]["command"]


@pytest.mark.parametrize("engine", ENGINES)
def test_notes_say_what_a_cluster_without_uids_needs_and_what_a_route_shows(engine: str) -> None:
    assert "NOT OPENSHIFT" in render(engine, {}, KUBERNETES).notes
    assert "NOT OPENSHIFT" not in render(engine, {}, OPENSHIFT).notes
    assert "NOT OPENSHIFT" not in render(engine, example(engine, "kubernetes"), KUBERNETES).notes
    assert "WHOEVER REACHES THE ROUTE CAN USE IT" in render(engine, {"route": {"enabled": True}}).notes
    if engine != "ollama":
        assert "WHOEVER" not in render(engine, {"route": {"enabled": True}, "apiKey": {"existingSecret": "keys"}}).notes


@pytest.mark.parametrize("engine", ENGINES)
def test_a_package_holds_all_that_it_needs(engine: str, tmp_path: Path) -> None:
    packed = helm_python.package(HELM / engine, destination=tmp_path)
    with helm_python.Chart.load(packed) as chart, helm_python.Chart.load(HELM / engine) as folder:
        assert chart.render() == folder.render()


def test_what_engines_share_is_said_alike() -> None:
    """Of values of the same name, the comments and the defaults; but for what is an engine's own."""
    own = re.compile(r"^(global\.model|image\.repository|probes\.|resources|route\.enabled|serviceMonitor\.metricRelabelings|model\.)")
    rows = {engine: set(re.findall(r"^\| `.*$", (HELM / engine / "README.md").read_text(), re.MULTILINE)) for engine in ENGINES}
    names = {engine: {row.split("`")[1] for row in rows[engine]} for engine in ENGINES}
    shared = set.intersection(*names.values())
    assert len(shared) > 50
    assert {row.split("`")[1] for row in set.union(*rows.values()) - set.intersection(*rows.values())} & {
        n for n in shared if not own.match(n)
    } == set()


@pytest.fixture
def umbrella(tmp_path: Path) -> Path:
    """A chart of all three engines."""
    (tmp_path / "charts").mkdir()
    needed = [{"name": engine, "version": "0.1.0", "repository": f"file://{HELM / engine}"} for engine in ENGINES]
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "all", "version": "1.0.0", "dependencies": needed}))
    for engine in ENGINES:
        (tmp_path / "charts" / engine).symlink_to(HELM / engine)
    return tmp_path


def installed(umbrella: Path, values: Json, release: str) -> list[Json]:
    with helm_python.Chart.load(umbrella) as chart:
        written = chart.render(values, name=release).values()
    return [each for text in written if "kind:" in text for each in yaml.safe_load_all(text) if each]


@pytest.mark.parametrize("release", ["bench", "vllm", "vllm-vs-tgi-vs-ollama"])
def test_the_objects_of_two_engines_never_have_one_name(umbrella: Path, release: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in installed(umbrella, {}, release)]
    assert len(set(names)) == len(names) > 12


def test_one_model_for_all_engines_under_one_name(umbrella: Path) -> None:
    values = {"global": {"model": "org/tiny", "ollamaModel": "tiny:fp16", "hfToken": {"existingSecret": "hf"}}}
    written = installed(umbrella, values, "bench")
    services = [each for each in written if each["kind"] == "Service"]
    assert {each["metadata"]["annotations"]["chatprobe.io/model"] for each in services} == {"org/tiny"}
    assert {each["metadata"]["name"] for each in services} == {f"bench-{engine}" for engine in ENGINES}
    found = {each["metadata"]["labels"]["app"]: each["spec"]["template"]["spec"] for each in written if each["kind"] == "Deployment"}
    assert found["vllm"]["containers"][0]["args"][0] == "org/tiny"
    assert found["tgi"]["containers"][0]["args"][0] == "--model-id=org/tiny"
    for engine in ("vllm", "tgi"):
        assert environment(found[engine]["containers"][0])["HF_TOKEN"] == {"secretKeyRef": {"name": "hf", "key": "token"}}
    for each in containers(found["ollama"]):
        assert (environment(each)["MODEL"], environment(each)["SERVED_MODEL"]) == ("tiny:fp16", "org/tiny")


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_stay_numbers_and_names_stay_names(engine: str) -> None:
    values = {
        "progressDeadlineSeconds": 2_000_000,
        "terminationGracePeriodSeconds": 1_000_000,
        "partOf": "1",
        "antiAffinity": {"group": "1"},
        "fullnameOverride": "bench",
    }
    deployment = render(engine, values, release="123").one("Deployment")
    assert deployment["spec"]["progressDeadlineSeconds"] == 2_000_000
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 1_000_000
    assert {type(value) for value in deployment["spec"]["template"]["metadata"]["labels"].values()} == {str}
    assert deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "123"
