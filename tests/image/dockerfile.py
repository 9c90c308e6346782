"""The Dockerfile as stages of instructions, and what it is built from."""

from __future__ import annotations

import io
import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined: `name` in capitals, and what stands behind it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY: from the stage of that name, or from the context where it is None."""

    stage: str | None
    owner: str
    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Stage:
    base: str
    name: str | None
    instructions: tuple[Instruction, ...]

    def last(self, name: str) -> str:
        """What the last instruction of this name says; raises `IndexError` where there is none."""
        return [each.value for each in self.instructions if each.name == name][-1]

    def words(self, name: str) -> list[str]:
        """A command in its exec form, as ENTRYPOINT and CMD have it; of a HEALTHCHECK what follows its CMD."""
        words: list[str] = json.loads(self.last(name).partition("[")[1] + self.last(name).partition("[")[2])
        return words


def stages() -> list[Stage]:
    found: list[Stage] = []
    for each in DockerfileParser(fileobj=io.BytesIO(FILE.read_bytes())).structure:
        if each["instruction"] == "FROM":
            base, *name = each["value"].split(" AS ")
            found.append(Stage(base, name[0] if name else None, ()))
        elif each["instruction"] != "COMMENT":
            stage = found[-1]
            found[-1] = Stage(stage.base, stage.name, (*stage.instructions, Instruction(each["instruction"], each["value"])))
    return found


def read_copy(value: str) -> Copy:
    words = shlex.split(value)
    options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
    assert options.keys() <= {"from", "chown"}, f"COPY {value}: the tests know no other options"
    *sources, target = [word for word in words if not word.startswith("--")]
    return Copy(options.get("from"), options.get("chown", "0:0"), tuple(sources), target)


def variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """ENV of the last stage, on top of what it has from its base."""
    return {**inherited, **DockerfileParser(fileobj=io.BytesIO(FILE.read_bytes()), parent_env=dict(inherited)).envs}


def labels() -> dict[str, str]:
    """Labels of the last stage, with the defaults of its arguments."""
    return dict(DockerfileParser(fileobj=io.BytesIO(FILE.read_bytes())).labels)


def context_files() -> set[str]:
    """What a build gets of this folder: `.dockerignore` as Docker's own client reads it."""
    lines = (line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines())
    patterns = [line for line in lines if line and not line.startswith("#")]
    return {path for path in exclude_paths(str(ROOT), patterns) if (ROOT / path).is_file()}


def copy_context(to: Path) -> None:
    for path in context_files():
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, to / path)
