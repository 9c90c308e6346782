"""The machine that a run was made on, and the versions of what made it."""

from __future__ import annotations

import os
import platform
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from probes.processors import control_groups, limit_processors, text_of, usable_processors

PACKAGES = ("chatprobe", "numpy", "scipy", "httptools", "orjson", "pydantic", "uvloop")
"""Those whose version may bear on what was measured, or on how it was judged."""
_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where chatprobe itself ran. A container's limits are None where there are none. `load_average` is of the last minute."""

    host: str
    architecture: str
    kernel: str
    cpu_model: str
    cpus: int
    usable_cpus: int
    """Those on which this process may run."""
    memory_bytes: int
    limit_cpus: float | None
    limit_memory_bytes: int | None
    load_average: float


def machine(root: Path = _ROOT) -> Machine:
    """This one, at this moment. `root` is where `/proc` and `/sys` are."""
    return Machine(
        host=platform.node(),
        architecture=platform.machine(),
        kernel=platform.release(),
        cpu_model=_found(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", root / "proc/cpuinfo") or platform.machine(),
        cpus=os.cpu_count() or 1,
        usable_cpus=usable_processors(),
        memory_bytes=int(_found(r"^MemTotal:\s*(\d+) kB$", root / "proc/meminfo") or 0) * 1024,
        limit_cpus=limit_processors(root),
        limit_memory_bytes=_limit_memory(root),
        load_average=os.getloadavg()[0],
    )


def versions() -> Mapping[str, str]:
    """Of chatprobe, Python, OpenSSL and the libraries that matter; those that are not installed are not in it."""
    found = {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _limit_memory(root: Path) -> int | None:
    texts = [text_of(folder / "memory.max") for folder in control_groups(root)]
    texts.append(text_of(root / "sys/fs/cgroup/memory/memory.limit_in_bytes"))
    limits = [int(text) for text in texts if text and text.isdigit()]
    return min((limit for limit in limits if limit < 2**62), default=None)  # v1 has a number near 2**63 where there is no limit


def _found(pattern: str, file: Path) -> str | None:
    match = re.search(pattern, text_of(file), re.MULTILINE)
    return match[1].strip() if match else None
