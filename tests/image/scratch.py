"""An image without a container engine: the Dockerfile's steps in folders that stand for the roots of its stages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.image.dockerfile import Stage, copy_context, read_copy, stages, variables
from tests.image.layers import Layer

ENTER = Path(__file__).with_name("enter")
USER = 1_000_680_000
"""A user number such as OpenShift gives a namespace: without a name, of group 0."""
BASE = {"APP_ROOT": "/opt/app-root", "HOME": "/opt/app-root/src", "PATH": "/opt/app-root/bin:/usr/bin:/bin"}
"""ENV of ubi9/python-312 and ubi9/python-312-minimal, as far as it matters here (sclorg/s2i-python-container, 3.12-minimal/Dockerfile.rhel9)."""


def image_python() -> Path:
    """A Python of the image's version, on the path or beside the running one where pyenv and uv keep theirs; else the running one."""
    beside = sorted(Path(sys.base_prefix).parent.glob("*3.12.*/bin/python3.12"))
    for candidate in [*filter(None, [shutil.which("python3.12")]), *map(str, beside)]:
        if subprocess.run([candidate, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    return Path(sys.executable)


def ask_prefix(python: Path) -> Path:
    asked = subprocess.run([python, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True)
    return Path(asked.stdout.strip())


def network() -> dict[str, str]:
    """How this machine reaches package registries."""
    return {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")}


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that stands for a container's root, and the Python that stands in it for the base image's."""

    path: Path
    prefix: Path
    environment: Mapping[str, str]

    def command(self, *words: str, access: str, user: int = USER, folder: str = "/") -> list[str]:
        """What runs `words` in it, with only /tmp to write to where `access` is `ro`."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        entering = [str(ENTER), str(self.path), access, str(user), str(self.prefix), folder]
        return ["unshare", "--mount", *entering, "-i", *settings, *words]

    def run(self, *words: str, access: str, user: int = USER, folder: str = "/") -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words, access=access, user=user, folder=folder), capture_output=True, text=True, check=False)


def needs_root() -> None:
    """Mounts and changes of user are root's; their absence fails in CI, and skips elsewhere."""
    able = os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    if not able:
        assert not os.environ.get("CI"), "the image's steps cannot be run: no mount namespaces for this user"
        pytest.skip("the image's steps run in mount namespaces, which are for root")


def build(folder: Path) -> Root:
    """The last stage after every COPY and RUN of all stages; a RUN that fails is an `AssertionError` with what it wrote."""
    context = folder / "context"
    copy_context(context)
    prefix = ask_prefix(image_python())
    base = base_image(folder / "base", prefix)
    built: dict[str | None, Root] = {}
    for number, stage in enumerate(stages()):
        last = stage.name is None
        environment = variables(BASE) if last else BASE
        built[stage.name] = root = Root(folder / f"root-{number}", prefix, {**environment, **arguments(stage), **network()})
        subprocess.run(["cp", "--archive", base, root.path], check=True)
        perform(stage, root, {name: other.path for name, other in built.items()} | {None: context})
    return replace(built[None], environment=variables(BASE))


def arguments(stage: Stage) -> dict[str, str]:
    """ARG of a stage that have a default, as a build without `--build-arg` sees them."""
    return dict(each.value.split("=", 1) for each in stage.instructions if each.name == "ARG" and "=" in each.value)


def base_image(path: Path, prefix: Path) -> Path:
    """What both base images have: a virtual environment at /opt/app-root, of user 1001, which group 0 may write to as its owner may."""
    path.mkdir()
    made = Root(path, prefix, BASE).run(f"{prefix}/bin/python3", "-m", "venv", "/opt/app-root", access="rw", user=0)
    assert made.returncode == 0, made.stdout + made.stderr
    home = path / "opt/app-root"
    (home / "src").mkdir()
    subprocess.run(["chown", "-R", "1001:0", home], check=True)
    subprocess.run(["chmod", "-R", "g=u", home], check=True)
    return path


def made_of(root: Root) -> list[bytes]:
    """What comes into every step: how it is run, by which Python, and with which variables."""
    version = subprocess.run([root.prefix / "bin/python3", "-VV"], capture_output=True, check=True).stdout
    return [ENTER.read_bytes(), version, *(f"{name}={value}".encode() for name, value in sorted(root.environment.items()))]


def perform(stage: Stage, root: Root, places: Mapping[str | None, Path]) -> None:
    """COPY, RUN and WORKDIR of a stage; the context is the place None."""
    folder, layer = "/", Layer(root.path, made_of(root))
    for step in stage.instructions:
        layer.then(f"{step.name} {step.value}".encode())
        if step.name == "WORKDIR":
            folder = step.value
            inside(root.path, "/", folder).mkdir(parents=True, exist_ok=True)
        elif step.name == "RUN":
            if not layer.restored():
                done = root.run("/bin/sh", "-c", step.value, access="rw", folder=folder)
                assert done.returncode == 0, f"RUN {step.value}\n{done.stdout}{done.stderr}"
                layer.keep()
        elif step.name == "COPY":
            copy = read_copy(step.value)
            target = inside(root.path, folder, copy.target)
            for source in copy.sources:
                copied = inside(places[copy.stage], "/", source)
                layer.copied(copied)
                put(copied, target, into=copy.target.endswith("/"))
            subprocess.run(["chown", "-R", "--no-dereference", copy.owner, target], check=True)


def inside(root: Path, folder: str, path: str) -> Path:
    return root / (Path(folder) / path).relative_to("/")


def put(source: Path, target: Path, *, into: bool) -> None:
    """As COPY does: of a folder its content, a file under its own name where the target ends with a slash."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        return
    place = target / source.name if into else target
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, place)
