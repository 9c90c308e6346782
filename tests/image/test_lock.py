"""What the image installs: pinned and hashed, within pyproject.toml's bounds, complete, and there as wheels for both kinds of machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "helm/image/requirements.txt"
EXTRAS = {"language": {"numpy", "py3langid"}, "bench": {"numpy", "scipy"}}
"""Those that an image may have, and the libraries that each adds."""
BUILD_LOCK = ROOT / "helm/image/build-requirements.txt"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED: list[str] = PROJECT["project"]["dependencies"]
OF_EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
EXTRA_LOCKS = {extra: ROOT / f"helm/image/requirements-{extra}.txt" for extra in EXTRAS}
FILES = {"run": LOCK, **EXTRA_LOCKS, "build": BUILD_LOCK}
PYTHONS = ("3.11", "3.12")
"""The oldest that chatprobe runs on, and that of the image."""
MACHINES = ("x86_64", "aarch64")
BIN = Path(sys.executable).parent


def entries(file: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Each pinned package with its hashes, those of a file that it takes in too."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    for entry in "\n".join(lines).replace("\\\n", " ").splitlines():
        if entry.startswith("--requirement "):
            yield from entries(file.parent / entry.removeprefix("--requirement "))
            continue
        pinned, *hashes = entry.split("--hash=")
        yield Requirement(pinned), [each.strip() for each in hashes]


def pins(file: Path) -> set[str]:
    return {str(requirement) for requirement, _ in entries(file)}


def pinned(requirement: Requirement, file: Path, python: str) -> list[str]:
    """The versions of a package that the lock has for a Python on Linux."""
    version = {"python_version": python, "python_full_version": f"{python}.0"}
    environment = {**version, "sys_platform": "linux", "platform_python_implementation": "CPython"}
    return [
        next(iter(entry.specifier)).version
        for entry, _ in entries(file)
        if canonicalize_name(entry.name) == canonicalize_name(requirement.name) and (entry.marker is None or entry.marker.evaluate(environment))
    ]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("file", "asked"),
    [
        (LOCK, NEEDED),
        *((EXTRA_LOCKS[extra], [*NEEDED, *OF_EXTRAS[extra]]) for extra in EXTRAS),
        (BUILD_LOCK, PROJECT["build-system"]["requires"]),
    ],
    ids=FILES,
)
def test_each_dependency_is_pinned_once_within_its_bounds(file: Path, asked: list[str], python: str) -> None:
    for requirement in map(Requirement, asked):
        versions = pinned(requirement, file, python)
        assert len(versions) == 1, f"{requirement} is pinned to {versions} for Python {python}: run make lock"
        assert requirement.specifier.contains(versions[0]), f"{requirement} is pinned to {versions[0]}: run make lock"


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_everything_is_pinned_exactly_and_hashed(file: Path) -> None:
    for requirement, hashes in entries(file):
        assert [each.operator for each in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(each.startswith("sha256:") and len(each) == 71 for each in hashes), requirement


def test_make_lock_would_change_nothing(tmp_path: Path) -> None:
    for file in FILES.values():
        shutil.copy(file, tmp_path)
    subprocess.run([ROOT / "helm/image/lock", tmp_path], env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}, check=True, capture_output=True)
    for file in FILES.values():
        assert pins(tmp_path / file.name) == pins(file), "run make lock"


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_adds_its_own_libraries_alone(extra: str) -> None:
    lock = EXTRA_LOCKS[extra]
    assert pins(LOCK) < pins(lock)
    assert {Requirement(pin).name for pin in pins(lock) - pins(LOCK)} == EXTRAS[extra]
    taken_in, *added = [line for line in lock.read_text().splitlines() if line.startswith("--requirement ") or "==" in line]
    assert taken_in == f"--requirement {LOCK.name}"
    assert {line.partition("==")[0] for line in added} == EXTRAS[extra]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_all_of_it_is_there_as_wheels(file: Path, python: str, machine: str) -> None:
    """For the glibc 2.34 of UBI 9, where nothing can be compiled."""
    machines = ["--python", sys.executable, "--python-version", python, "--python-platform", f"{machine}-manylinux_2_34"]
    command = [str(BIN / "uv"), "pip", "compile", "--quiet", "--only-binary", ":all:", "--no-deps", *machines, str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
