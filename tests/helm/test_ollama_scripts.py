"""The shell scripts of Ollama's chart, as they are rendered, with a stand-in for `ollama` that notes what is asked of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helm.cluster import render
from tests.waiting import PATIENCE_SECONDS

OLLAMA = """\
#!/bin/sh
echo "$@" >>"$STATE/asked"
case "$1" in
  serve) [ ! -e "$STATE/broken" ] || exit 1; touch "$STATE/serving"; trap 'touch "$STATE/stopped"; exit 0' TERM; while :; do sleep 0.05; done ;;
  list) [ -e "$STATE/serving" ] ;;
  show) grep -qxF "$2" "$STATE/models" ;;
  pull) echo "$2" >>"$STATE/models" ;;
  cp) grep -qxF "$2" "$STATE/models" || { echo "no model $2" >&2; exit 1; }; echo "$3" >>"$STATE/models" ;;
  run) grep -qxF "$2" "$STATE/models" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Volume:
    """What the stand-in holds, and what was asked of it."""

    folder: Path

    def run(self, command: list[str], variables: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
        environ = {each["name"]: each["value"] for each in variables}
        environ |= {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "STATE": str(self.folder)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    def asked(self) -> list[str]:
        return [line for line in (self.folder / "asked").read_text().splitlines() if not line.startswith("list")]

    def models(self) -> list[str]:
        return (self.folder / "models").read_text().split()


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ollama").write_text(OLLAMA)
    (tmp_path / "bin" / "ollama").chmod(0o755)
    (tmp_path / "models").touch()
    return Volume(tmp_path)


def pull(volume: Volume, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (container,) = render("ollama", values).one("Deployment")["spec"]["template"]["spec"]["initContainers"]
    return volume.run(container["command"], container["env"])


def load(volume: Volume, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (container,) = render("ollama", values).one("Deployment")["spec"]["template"]["spec"]["containers"]
    return volume.run(container["startupProbe"]["exec"]["command"], container["env"])


def test_a_model_is_pulled_once_and_named_as_in_the_other_engines(volume: Volume) -> None:
    values = {"global": {"model": "org/tiny"}, "model": {"name": "tiny:fp16"}}
    assert pull(volume, values).returncode == 0
    assert volume.models() == ["tiny:fp16", "org/tiny"]
    assert (volume.folder / "stopped").exists(), "the server that pulled it is gone"
    assert pull(volume, values).returncode == 0
    assert volume.asked().count("pull tiny:fp16") == 1


def test_always_pulls_it_again(volume: Volume) -> None:
    values = {"model": {"name": "tiny", "pull": "Always"}}
    assert pull(volume, values).returncode == pull(volume, values).returncode == 0
    assert volume.asked().count("pull tiny") == 2
    assert [each for each in volume.asked() if each.startswith("cp")] == []


def test_a_server_that_does_not_start_is_not_waited_for(volume: Volume) -> None:
    (volume.folder / "broken").touch()
    assert pull(volume, {}).returncode != 0
    assert [each for each in volume.asked() if each.startswith("pull")] == []


def test_never_asks_nothing_of_the_network(volume: Volume) -> None:
    values = {"global": {"model": "org/tiny"}, "model": {"name": "tiny", "pull": "Never"}}
    assert "initContainers" not in render("ollama", values).one("Deployment")["spec"]["template"]["spec"]
    missing = load(volume, values)
    assert (missing.returncode, missing.stderr) == (1, "no model tiny\n")
    (volume.folder / "models").write_text("tiny\n")
    assert load(volume, values).returncode == 0
    assert volume.models() == ["tiny", "org/tiny"]
    assert volume.asked()[-1] == "run org/tiny"
    assert [each for each in volume.asked() if each.startswith("pull")] == []


def test_without_preload_the_pod_is_ready_when_ollama_answers() -> None:
    (container,) = render("ollama", {"model": {"preload": False}}).one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["startupProbe"]["httpGet"] == {"path": "/", "port": "http"}
