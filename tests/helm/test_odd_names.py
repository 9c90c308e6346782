"""Names that YAML takes for numbers, booleans, dates or nothing: all of them are valid for namespaces and most objects."""

from __future__ import annotations

from typing import Any

import helm_python
import pytest
import yaml

from config.reader import parse
from tests.helm.cluster import OPENSHIFT, Rendered, charts, documents, render
from tests.helm.objects import problems

ODD = ("123", "on", "y", "1e3", "null", "2026-11-29")
ENGINES = ("vllm", "tgi", "ollama")
Json = dict[str, Any]


def values_of(chart: str, name: str) -> Json:
    """Values of a chart in which whatever may have this name has it."""
    own: Json = {
        "imagePullSecrets": [name],
        "commonLabels": {"team": name},
        "podLabels": {"team": name},
        "podAnnotations": {"note": name},
        "nodeSelector": {"pool": name},
        "priorityClassName": name,
        "requiredScc": name,
        "serviceAccount": {"name": name, "annotations": {"note": name}},
        "service": {"annotations": {"note": name}},
        "image": {"tag": name},
        "extraEnv": [{"name": "MORE", "value": name}],
        "route": {"enabled": True, "host": name, "annotations": {"note": name}},
    }
    if chart == "chatprobe":
        kubernetes = {"namespaces": [name, "other"], "prefer": ["route", "ingress", "nodeport", "service"]}
        return {
            **own,
            "config": {"discovery": {"kubernetes": kubernetes}},
            "secrets": [name],
            "authorities": [name],
            "rbac": {"cluster": True, "gateways": True, "inferenceServices": True, "llmInferenceServices": True},
            "networkPolicy": {"enabled": True},
            "serviceMonitor": {"enabled": True, "labels": {"team": name}},
            "prometheusRule": {"enabled": True, "labels": {"team": name}, "alertLabels": {"team": name}},
            "dashboards": {"labels": {"team": name}, "grafanaOperator": {"enabled": True, "folder": name}},
        }
    if chart == "stack":
        return {
            "global": {"model": name, "ollamaModel": name, "imagePullSecrets": [name]},
            **{each: values_of(each, name) for each in (*ENGINES, "chatprobe")},
        }
    own |= {
        "runtimeClassName": name,
        "partOf": name,
        "persistence": {"existingClaim": name, "subPath": name},
        "antiAffinity": {"group": name},
        "podDisruptionBudget": {"enabled": True},
    }
    if chart == "ollama":
        return {**own, "model": {"name": name, "alias": name}}
    keys = {"apiKey": {"existingSecret": name, "key": name}, "hfToken": {"existingSecret": name, "key": name}}
    return {**own, **keys, "model": {"id": name, "revision": name}, "serviceMonitor": {"enabled": True, "labels": {"team": name}}}


def found(rendered: Rendered, version: str) -> list[str]:
    return [
        f"{each['kind']} {each['metadata']['name']}: {problem}"
        for each in (*rendered.objects, *rendered.hooks)
        for problem in (*problems(each, version), *no_texts(each["metadata"]))
    ]


def no_texts(metadata: Json) -> list[str]:
    """What in an object's metadata is no text: all of it has to be."""
    maps = [metadata.get("labels", {}), metadata.get("annotations", {})]
    return [
        f"{value!r} is no text"
        for value in (metadata["name"], metadata.get("namespace", ""), *(v for each in maps for v in each.values()))
        if not isinstance(value, str)
    ]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("chart", charts())
def test_every_name_stays_a_text(chart: str, name: str) -> None:
    assert found(render(chart, values_of(chart, name), namespace=name), OPENSHIFT.version) == []


@pytest.mark.parametrize("name", ["on", "y", "null"])
@pytest.mark.parametrize("count", [{}, {"replicas": 2}, {"shards": 2}])
def test_names_of_the_objects_too(name: str, count: Json) -> None:
    rendered = render(
        "chatprobe", {**count, **values_of("chatprobe", name), "fullnameOverride": name, "nameOverride": name}, namespace=name, release=name
    )
    assert found(rendered, OPENSHIFT.version) == []
    assert rendered.one("Service")["metadata"]["name"] == name
    for engine in ENGINES:
        rendered = render(engine, {**values_of(engine, name), "fullnameOverride": name, "nameOverride": name}, namespace=name, release=name)
        assert found(rendered, OPENSHIFT.version) == []


@pytest.mark.parametrize("name", ODD)
def test_the_rights_are_given_where_they_are_asked_for(name: str) -> None:
    rendered = render("chatprobe", {"config": {"discovery": {"kubernetes": {"namespaces": [name, "other"]}}}}, namespace="other")
    (role,) = [each for each in rendered.all("RoleBinding") if each["metadata"].get("namespace") == name]
    assert role["subjects"][0]["namespace"] == "other"
    (text,) = [each["data"]["chatprobe.yaml"] for each in rendered.all("ConfigMap") if "chatprobe.yaml" in each["data"]]
    kubernetes = parse(text).config.discovery.kubernetes
    assert kubernetes is not None
    assert kubernetes.namespaces == (name, "other")


@pytest.mark.parametrize("release", ["123", "7b-bench"])
@pytest.mark.parametrize("chart", charts())
def test_a_release_of_which_no_service_can_be_named_is_refused(chart: str, release: str) -> None:
    with pytest.raises(
        helm_python.HelmError,
        match=rf"{release}-\w+ is no name for a Service, which begins with a letter .*; name the release so, or set fullnameOverride",
    ):
        render(chart, {}, release=release)


def test_a_name_given_to_its_objects_mends_a_release_that_begins_with_a_digit() -> None:
    for chart in (*ENGINES, "chatprobe"):
        assert found(render(chart, {"fullnameOverride": "bench"}, release="123"), OPENSHIFT.version) == []
        with pytest.raises(helm_python.HelmError, match=r"a\.b is no name for a Service"):
            render(chart, {"fullnameOverride": "a.b"})


def test_go_takes_more_for_numbers_and_booleans_than_python() -> None:
    """Else these tests could not fail."""
    assert documents("a: {b: 1e3, c: y, d: on, e: null, f: '1e3'}") == [{"a": {"b": 1000.0, "c": True, "d": True, "e": None, "f": "1e3"}}]
    assert yaml.safe_load("b: 1e3") == {"b": "1e3"}
