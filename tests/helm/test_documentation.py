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

from config.reader import parse
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


def test_the_values_of_the_page_are_taken_and_chatprobe_takes_what_comes_of_them(ca_file: str) -> None:
    (values,) = [yaml.safe_load(block) for block in blocks("yaml") if block.startswith("# values.yaml")]
    rendered = render("stack", values)
    assert len(rendered.all("Route")) == 3
    (text,) = [each["data"]["chatprobe.yaml"] for each in rendered.all("ConfigMap") if "chatprobe.yaml" in each["data"]]
    settings = parse(text.replace("/etc/chatprobe-authorities/router-ca/ca.crt", ca_file)).config.discovery.kubernetes
    assert settings is not None
    assert (settings.prefer, settings.probe) == (("route", "service"), "both")


def test_its_objects_are_what_a_cluster_takes() -> None:
    objects = [each for block in blocks("yaml") if block.startswith("apiVersion") for each in yaml.safe_load_all(block)]
    assert [each["kind"] for each in objects] == ["ConfigMap", "ConfigMap", "GrafanaDatasource"]
    assert [problem for each in objects for problem in problems(each, OPENSHIFT.version)] == []


def test_its_configuration_is_taken() -> None:
    (text,) = [block for block in blocks("yaml") if block.startswith("# chatprobe.yaml")]
    assert parse(text).config.discovery.kubernetes is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            anchors = {
                re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in target.read_text().splitlines()
                if line.startswith("#")
            }
            assert heading in anchors, link


def test_names_of_objects_are_those_that_are_made() -> None:
    made = {each["metadata"]["name"] for each in render("stack", {"chatprobe": {"replicas": 2}}).objects}
    named = set(re.findall(r"\b(?:deployment/|service/|lease )(bench-[a-z-]+)", OPENSHIFT_PAGE))
    assert named == {"bench-chatprobe", "bench-vllm", "bench-tgi", "bench-ollama"}
    assert named <= made
