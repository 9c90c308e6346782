"""The machine that a run was made on, as files below another root tell it."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from bench.results.machine import machine, versions


def tree(root: Path, **files: str) -> Path:
    """Files below the root; `__` in a name is a `/`, `_dot_` a dot."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


CPU = "processor\t: 0\nmodel name\t: Imagined CPU @ 3.00GHz\n\nprocessor\t: 1\nmodel name\t: Imagined CPU @ 3.00GHz\n"


def test_a_machine_without_limits(tmp_path: Path) -> None:
    root = tree(tmp_path, proc__cpuinfo=CPU, proc__meminfo="MemTotal:       16384 kB\nMemFree: 1 kB\n", proc__self__cgroup="0::/\n")
    found = machine(root)
    assert (found.cpu_model, found.memory_bytes) == ("Imagined CPU @ 3.00GHz", 16384 * 1024)
    assert (found.limit_cpus, found.limit_memory_bytes) == (None, None)
    assert (found.kernel, found.architecture) == (platform.release(), platform.machine())
    assert 1 <= found.usable_cpus <= found.cpus


def test_the_narrowest_limit_of_a_container_holds(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__self__cgroup="0::/pods/one\n",
        sys__fs__cgroup__pods__cpu_dot_max="400000 100000\n",
        sys__fs__cgroup__pods__one__cpu_dot_max="150000 100000\n",
        sys__fs__cgroup__pods__memory_dot_max="max\n",
        sys__fs__cgroup__pods__one__memory_dot_max="1073741824\n",
    )
    found = machine(root)
    assert (found.limit_cpus, found.limit_memory_bytes) == (1.5, 1 << 30)


def test_limits_of_the_first_version_of_control_groups(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__self__cgroup="4:memory:/x\n",
        sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us="50000\n",
        sys__fs__cgroup__cpu__cpu_dot_cfs_period_us="100000\n",
        sys__fs__cgroup__memory__memory_dot_limit_in_bytes="536870912\n",
    )
    found = machine(root)
    assert (found.limit_cpus, found.limit_memory_bytes) == (0.5, 1 << 29)


@pytest.mark.parametrize(
    "files",
    [
        {"sys__fs__cgroup__cpu_dot_max": "max 100000\n"},
        {"sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us": "-1\n", "sys__fs__cgroup__cpu__cpu_dot_cfs_period_us": "100000\n"},
        {"sys__fs__cgroup__memory__memory_dot_limit_in_bytes": "9223372036854771712\n"},
    ],
)
def test_a_limit_that_is_none(tmp_path: Path, files: dict[str, str]) -> None:
    found = machine(tree(tmp_path, **files))
    assert (found.limit_cpus, found.limit_memory_bytes) == (None, None)


def test_versions_that_matter() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert {"chatprobe", "numpy", "scipy", "openssl"} <= found.keys()
