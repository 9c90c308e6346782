"""What is said of the charts, followed as far as that goes without a cluster."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.credentials import ClusterPlace
from config.reader import parse, read
from helm.reference.build import HELM
from tests.helm.cluster import OPENSHIFT, charts, render
from tests.helm.objects import problems

ROOT = HELM.parent
PAGES = (ROOT / "docs" / "openshift.md", *(HELM / chart / "README.md" for chart in charts()))
OPENSHIFT_PAGE = PAGES[0].read_text()

Json = dict[str, Any]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", OPENSHIFT_PAGE, re.M | re.S)


def commands() -> Iterator[tuple[Path, str]]:
    """Every `helm install` and `helm upgrade`, in blocks and in sentences."""
    for page in PAGES:
        for found in re.findall(r"helm (?:install|upgrade) [^`\n#]+", page.read_text()):
            yield page, found.strip()


def given(arguments: list[str]) -> Json:
    """The values that a command gives."""
    values: Json = {}
    for flag, argument in itertools.pairwise(arguments):
        if flag == "--set":
            path, _, value = argument.partition("=")
            *sections, key = path.split(".")
            at = values
            for section in sections:
                at = at.setdefault(section, {})
            at[key] = yaml.safe_load(value)
        elif flag == "-f" and (ROOT / argument).exists():
            values |= yaml.safe_load((ROOT / argument).read_text())
    return values


def test_there_are_commands_to_follow() -> None:
    assert {page.parent.name for page, _ in commands()} == {"docs", *charts()}


@pytest.mark.parametrize("command", [pytest.param(command, id=command) for _, command in commands()])
def test_what_a_command_installs_is_rendered(command: str) -> None:
    _, _, release, chart, *arguments = shlex.split(command)
    assert (ROOT / chart / "Chart.yaml").is_file()
    files = [argument for flag, argument in itertools.pairwise(arguments) if flag == "-f"]
    assert [file for file in files if file != "values.yaml" and not (ROOT / file).is_file()] == []
    assert render(Path(chart).name, given(arguments), release=release).objects


def key_files(folder: Path) -> None:
    for secret in ("vllm-key", "tgi-key"):
        (folder / secret).mkdir()
        (folder / secret / "api-key").write_text("a-key")


def test_the_values_of_the_page_are_taken_and_chatprobe_takes_what_comes_of_them(ca_file: str, tmp_path: Path) -> None:
    key_files(tmp_path)
    (values,) = [yaml.safe_load(block) for block in blocks("yaml") if block.startswith("# values.yaml")]
    rendered = render("stack", values)
    assert len(rendered.all("Route")) == 3
    (text,) = [each["data"]["chatprobe.yaml"] for each in rendered.all("ConfigMap") if "chatprobe.yaml" in each["data"]]
    text = text.replace("/etc/chatprobe-authorities/router-ca/ca.crt", ca_file).replace("/var/run/secrets/chatprobe", str(tmp_path))
    config = parse(text).config
    settings = config.discovery.kubernetes
    assert settings is not None
    assert (settings.prefer, settings.probe) == (("route", "service"), "both")
    shown: dict[tuple[str, str], tuple[str | None, bool]] = {}
    for engine, host in itertools.product(("vllm", "tgi", "ollama"), ("bench-x.apps.example.com", "bench-x.llm.svc.cluster.local")):
        place = ClusterPlace("llm", f"bench-{engine}")
        first = next((each for each in config.credentials if each.matches("any", f"https://{host}", place)), None)
        key = first.api_key if first else None
        shown[engine, host.split(".")[1]] = (Path(str(key.file)).parent.name if key else None, bool(first and first.tls_settings.ca_file))
    assert shown == {
        ("vllm", "apps"): ("vllm-key", True),
        ("vllm", "llm"): ("vllm-key", False),
        ("tgi", "apps"): ("tgi-key", True),
        ("tgi", "llm"): ("tgi-key", False),
        ("ollama", "apps"): (None, True),
        ("ollama", "llm"): (None, False),
    }


def test_the_values_for_an_image_reach_chatprobe_and_every_test() -> None:
    (values,) = [yaml.safe_load(block) for block in blocks("yaml") if block.startswith("# image.yaml")]
    rendered = render("stack", values)
    images = [hook["spec"]["containers"][0]["image"] for hook in rendered.hooks]
    (prober,) = [each for each in rendered.all("Deployment") if each["metadata"]["name"] == "bench-chatprobe"]
    images.append(prober["spec"]["template"]["spec"]["containers"][0]["image"])
    assert images == ["registry.example.com/llm/chatprobe:0.1.0"] * 5


def test_its_objects_are_what_a_cluster_takes() -> None:
    objects = [each for block in blocks("yaml") if block.startswith("apiVersion") for each in yaml.safe_load_all(block)]
    assert [each["kind"] for each in objects] == ["ConfigMap", "ConfigMap", "GrafanaDatasource"]
    assert [problem for each in objects for problem in problems(each, OPENSHIFT.version)] == []


def test_its_configuration_is_taken(ca_file: str, tmp_path: Path) -> None:
    (text,) = [block for block in blocks("yaml") if block.startswith("# chatprobe.yaml")]
    for name in ("vllm-key", "tgi-key"):
        (tmp_path / name).write_text("a-key")
    (tmp_path / "router-ca.crt").write_text(Path(ca_file).read_text())
    (tmp_path / "chatprobe.yaml").write_text(text)
    assert read([tmp_path / "chatprobe.yaml"]).config.discovery.kubernetes is not None


def test_a_derived_image_is_called_as_it_is_made() -> None:
    page = (HELM / "tgi" / "README.md").read_text()
    made = re.findall(r"--to tgi:(\S+)|^FROM ghcr\.io/huggingface/text-generation-inference:(\S+)|/NAMESPACE/tgi(?:`, tag `|:)([^`\s]+)", page, re.M)
    assert len(made) == 4
    assert len({tag for tags in made for tag in tags if tag}) == 1


def test_what_the_cluster_built_is_removed() -> None:
    built = {name for page in PAGES for name in re.findall(r"oc new-build .*--name (\S+)", page.read_text())}
    (removed,) = re.findall(r"oc delete buildconfig,imagestream -l 'build in \(([^)]+)\)'", OPENSHIFT_PAGE)
    assert built == set(removed.split(", ")) == {"chatprobe", "tgi"}


def test_names_of_objects_are_those_that_are_made() -> None:
    made = {each["metadata"]["name"] for each in render("stack", {"chatprobe": {"replicas": 2}}).objects}
    named = set(re.findall(r"\b(?:deployment/|service/|lease )(bench-[a-z-]+)", OPENSHIFT_PAGE))
    assert named == {"bench-chatprobe", "bench-vllm", "bench-tgi", "bench-ollama"}
    assert named <= made
