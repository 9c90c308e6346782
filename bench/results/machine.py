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
        usable_cpus=len(os.sched_getaffinity(0)),
        memory_bytes=int(_found(r"^MemTotal:\s*(\d+) kB$", root / "proc/meminfo") or 0) * 1024,
        limit_cpus=_limit_cpus(root),
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


def _limit_cpus(root: Path) -> float | None:
    """Processors' worth of time: `cpu.max` of cgroup v2, `cpu.cfs_quota_us` of v1 (docs.kernel.org, cgroup-v2 and scheduler/sched-bwc)."""
    limits = [_quota(*text.split()[:2]) for folder in _groups(root) if (text := _text(folder / "cpu.max"))]
    first = root / "sys/fs/cgroup/cpu"
    if (quota := _text(first / "cpu.cfs_quota_us")) and (period := _text(first / "cpu.cfs_period_us")):
        limits.append(_quota(quota, period))
    return min((limit for limit in limits if limit is not None), default=None)


def _quota(quota: str, period: str) -> float | None:
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _limit_memory(root: Path) -> int | None:
    texts = [_text(folder / "memory.max") for folder in _groups(root)]
    texts.append(_text(root / "sys/fs/cgroup/memory/memory.limit_in_bytes"))
    limits = [int(text) for text in texts if text and text.isdigit()]
    return min((limit for limit in limits if limit < 2**62), default=None)  # v1 has a number near 2**63 where there is no limit


def _groups(root: Path) -> list[Path]:
    """The folders of this process's control group in cgroup v2, and of those around it: the narrowest limit holds."""
    top = root / "sys/fs/cgroup"
    below = Path((_found(r"^0::/(.*)$", root / "proc/self/cgroup") or "").removeprefix("/"))
    return [top / below, *(top / folder for folder in below.parents)] if ".." not in below.parts else [top]


def _found(pattern: str, file: Path) -> str | None:
    match = re.search(pattern, _text(file), re.MULTILINE)
    return match[1].strip() if match else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
