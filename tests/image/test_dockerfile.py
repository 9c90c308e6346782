"""The Dockerfile as it reads: its rules, its labels, what it lets in."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from config.quantities import read_address
from tests.image.dockerfile import FILE, ROOT, context_files, labels, read_copy, stages

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
FIRST, LAST = stages()


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([Path(sys.executable).parent / "hadolint", "--no-color", file], capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing() -> None:
    found = hadolint(FILE)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(FILE.read_text().replace("--no-cache-dir ", "").replace("minimal:9.8\n", "minimal\n"))
    assert {"DL3006", "DL3042"} <= set(hadolint(file).stdout.split())


def test_it_is_built_and_run_on_the_same_release_of_red_hats_python() -> None:
    assert FIRST.base.startswith("registry.access.redhat.com/ubi9/python-312:")
    assert LAST.base == FIRST.base.replace("python-312:", "python-312-minimal:")
    assert labels()["org.opencontainers.image.base.name"] == LAST.base


def test_its_user_is_a_number_that_is_not_roots_and_of_group_0() -> None:
    assert [step.value for stage in (FIRST, LAST) for step in stage.instructions if step.name == "USER"] == ["1001:0"]


def test_it_listens_on_every_interface_at_the_port_that_it_shows() -> None:
    command = LAST.words("CMD")
    assert (LAST.words("ENTRYPOINT"), command[0]) == (["chatprobe"], "serve")
    address = read_address(command[command.index("--listen") + 1])
    assert (address.host, str(address.port)) == ("0.0.0.0", LAST.last("EXPOSE"))
    assert labels()["io.openshift.expose-services"] == f"{address.port}:http"
    assert f"'127.0.0.1', {address.port}" in LAST.words("HEALTHCHECK")[-1]


def test_a_build_can_have_each_list_of_what_is_installed() -> None:
    names = {path.name for path in (ROOT / "helm/image").glob("requirements*.txt")}
    (copy,) = [each for each in map(read_copy, (step.value for step in FIRST.instructions if step.name == "COPY")) if each.sources != (".",)]
    assert FIRST.last("ARG") == "REQUIREMENTS=requirements.txt"
    assert set(copy.sources) == {f"helm/image/{name}" for name in (*names, "build-requirements.txt")}


def test_labels_say_what_pyproject_says() -> None:
    project, said = PROJECT["project"], labels()
    assert said["name"] == said["org.opencontainers.image.title"] == project["name"]
    assert said["version"] == said["org.opencontainers.image.version"] == project["version"]
    assert said["org.opencontainers.image.licenses"] == project["license"]
    assert said["summary"] == said["org.opencontainers.image.description"]
    assert said["description"] == said["io.k8s.description"]
    assert {"vendor", "release", "maintainer", "io.k8s.display-name", "io.openshift.tags"} <= said.keys()
    assert "" not in said.values()


def test_a_build_gets_what_the_wheel_is_made_of_and_no_more() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    rooms, pages = set(wheel["packages"]), set(wheel["force-include"])
    files = context_files()
    tops = {path.partition("/")[0] for path in files} - {"Dockerfile", ".dockerignore"}
    assert tops == {*rooms, "docs", "helm", "pyproject.toml", "README.md", "LICENSE"}
    docs = {path for path in files if path.startswith("docs/")}
    assert docs == {path for path in docs if path in pages or any(path.startswith(f"{page}/") for page in pages)}
    assert [page for page in pages if not any(path == page or path.startswith(f"{page}/") for path in docs)] == []
    assert [path for path in files if path.startswith("helm/") and not path.startswith("helm/image/")] == []
    assert [path for path in files if "__pycache__" in path] == []
    named = [source for stage in (FIRST, LAST) for step in stage.instructions if step.name == "COPY" for source in read_copy(step.value).sources]
    assert [source for source in named if not source.startswith("/") and source != "." and source not in files] == []
