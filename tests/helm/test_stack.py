"""The umbrella: three engines with one model, and the prober that compares them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from catalogue.engines import ENGINES as REGISTERED
from config.reader import parse
from helm.reference.build import HELM
from tests.engine_lists import filled
from tests.helm.cluster import KUBERNETES, NAMESPACE, OPENSHIFT, Rendered, charts, example, examples, render
from tests.helm.objects import pod

ENGINES = {"vllm", "tgi", "ollama"}
Json = dict[str, Any]


def configuration(rendered: Rendered) -> str:
    (text,) = [each["data"]["chatprobe.yaml"] for each in rendered.all("ConfigMap") if "chatprobe.yaml" in each["data"]]
    assert isinstance(text, str)
    return text


def services_of_engines(rendered: Rendered) -> dict[str, Json]:
    return {each["metadata"]["labels"]["app"]: each for each in rendered.all("Service") if "app" in each["metadata"]["labels"]}


def test_it_consists_of_the_other_charts_as_they_are() -> None:
    links = {link.name: link.resolve() for link in (HELM / "stack" / "charts").iterdir()}
    assert links == {name: HELM / name for name in charts() if name != "stack"}
    needed = yaml.safe_load((HELM / "stack" / "Chart.yaml").read_text())["dependencies"]
    for each in needed:
        assert each["version"] == yaml.safe_load((HELM / each["name"] / "Chart.yaml").read_text())["version"]
        assert each["repository"] == f"file://../{each['name']}"


@pytest.mark.parametrize("name", examples("stack"))
def test_all_engines_serve_one_model_under_one_name(name: str) -> None:
    values = example("stack", name)
    model = values.get("global", {}).get("model", "Qwen/Qwen2.5-7B-Instruct")
    found = services_of_engines(render("stack", values))
    assert found.keys() == ENGINES
    assert {each["metadata"]["annotations"]["chatprobe.io/model"] for each in found.values()} == {model}


@pytest.mark.parametrize("name", examples("stack"))
def test_chatprobe_finds_the_engines_and_nothing_of_them_is_counted_twice(name: str) -> None:
    rendered = render("stack", example("stack", name))
    discovery = yaml.safe_load(configuration(rendered))["discovery"]["kubernetes"]
    assert (discovery["namespaces"], discovery["selector"]) == ([NAMESPACE], filled("{selector}"))
    assert services_of_engines(rendered).keys() == ENGINES
    assert [each["metadata"]["name"] for each in rendered.all("ServiceMonitor")] == ["bench-chatprobe"]


def test_chatprobe_takes_its_configuration_and_compares() -> None:
    loaded = parse(configuration(render("stack", {})))
    assert [name for name, scenario in loaded.config.scenarios.items() if scenario.pair] == ["race"]
    assert [warning.text for warning in loaded.warnings] == [
        "compares 20 targets at most, whichever are found first; name those to compare in targets"
    ]


def test_the_rules_of_slos_are_there() -> None:
    groups = [group["name"] for group in render("stack", {}).one("PrometheusRule")["spec"]["groups"]]
    assert [name for name in groups if name.startswith("sloth-slo-alerts")]


def test_an_engine_that_takes_no_part_is_not_there() -> None:
    rendered = render("stack", {"engines": {"tgi": False}})
    assert services_of_engines(rendered).keys() == ENGINES - {"tgi"}
    assert "ONE ENGINE ALONE" not in rendered.notes
    assert "ONE ENGINE ALONE IS NO COMPARISON" in render("stack", {"engines": {"tgi": False, "ollama": False}}).notes


def test_chatprobe_is_asked_after_the_engines_and_all_that_was_said_is_kept() -> None:
    asked = {hook["metadata"]["name"]: hook["metadata"]["annotations"] for hook in render("stack", {}).hooks}
    assert {name for name, each in asked.items() if int(each.get("helm.sh/hook-weight", "0")) > 0} == {"bench-chatprobe-test"}
    assert {name.split("-")[1] for name in asked} == ENGINES | {"chatprobe"}
    assert {each["helm.sh/hook-delete-policy"] for each in asked.values()} == {"before-hook-creation"}


def test_metrics_that_would_count_twice_are_told() -> None:
    notes = render("stack", {"vllm": {"serviceMonitor": {"enabled": "auto"}}}).notes
    assert "vllm.serviceMonitor.enabled is auto, and chatprobe relays its metrics: each counts twice." in notes
    apart = {"vllm": {"serviceMonitor": {"enabled": True}}, "chatprobe": {"config": {"native": {"relay": False}}}}
    assert "twice" not in render("stack", apart).notes


def test_notes_say_what_those_of_its_charts_would() -> None:
    """Helm does not show these."""
    bare = render("stack", {}, KUBERNETES).notes
    assert "NOT OPENSHIFT: ollama, tgi, vllm will not start" in bare
    assert "24 hours" not in bare
    assert "NOT OPENSHIFT" not in render("stack", example("stack", "kubernetes"), KUBERNETES).notes
    notes = render("stack", {}, OPENSHIFT).notes
    assert "NOT OPENSHIFT" not in notes
    assert "24 hours" in notes
    assert "24 hours" not in render("stack", {"chatprobe": {"prometheusRule": {"retention": "1d"}}}, OPENSHIFT).notes
    assert "WHOEVER" not in notes
    assert "CAN USE IT: ollama asks for no key" in render("stack", example("stack", "openshift"), OPENSHIFT).notes
    routes = {engine: {"route": {"enabled": "auto"}} for engine in ENGINES}
    assert "CAN USE IT: ollama, tgi, vllm ask for no key" in render("stack", routes, OPENSHIFT).notes
    assert "WHOEVER" not in render("stack", routes, KUBERNETES).notes


def test_a_model_that_only_two_of_three_have_is_told() -> None:
    told = "OLLAMA RUNS ANOTHER MODEL: qwen2.5:7b-instruct-fp16 under the name org/model."
    other = {"model": "org/model"}
    assert told in render("stack", {"global": other}).notes
    assert "ANOTHER MODEL" not in render("stack", {}).notes
    assert "ANOTHER MODEL" not in render("stack", {"global": other, "engines": {"ollama": False}}).notes
    assert "ANOTHER MODEL" not in render("stack", {"global": {**other, "ollamaModel": "model:fp16"}}).notes
    assert "ANOTHER MODEL" not in render("stack", {"global": {"ollamaModel": "qwen2.5:7b-instruct-q4_K_M"}}).notes
    assert [name for name in examples("stack") if "ANOTHER MODEL" in render("stack", example("stack", name)).notes] == []


def test_the_engines_keep_apart_and_the_prober_keeps_away_where_it_can() -> None:
    rendered = render("stack", {}, OPENSHIFT)
    specs = {each["metadata"]["name"].removeprefix("bench-"): pod(each) for each in rendered.all("Deployment")}
    for engine in ENGINES:
        spec = specs[engine]
        assert spec is not None
        assert spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    prober = specs["chatprobe"]
    assert prober is not None
    (rather,) = prober["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    (expression,) = rather["podAffinityTerm"]["labelSelector"]["matchExpressions"]
    assert (expression["key"], set(expression["values"])) == ("app", {engine.name for engine in REGISTERED})
    labels = [each["spec"]["template"]["metadata"]["labels"].get("app") for each in rendered.all("Deployment")]
    assert set(labels) == ENGINES | {None}


def test_the_example_without_gpus_is_that_of_the_engines() -> None:
    values = example("stack", "cpu")
    for engine in ENGINES:
        alone = example(engine, "cpu")
        model = {key: value for key, value in alone.pop("model").items() if key not in ("id", "name")}
        expected = {**alone, **({"model": model} if model else {}), **({} if engine == "ollama" else {"serviceMonitor": {"enabled": False}})}
        assert values[engine] == expected
    assert values["global"] == {"model": example("vllm", "cpu")["model"]["id"], "ollamaModel": example("ollama", "cpu")["model"]["name"]}
