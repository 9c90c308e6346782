"""How many processors this process may use: those that it may run on, and what its control group allows of their time."""

from __future__ import annotations

import os
import re
from pathlib import Path

_ROOT = Path("/")


def processors() -> float:
    """Processors' worth of time that this process can have at most."""
    usable, limit = float(usable_processors()), limit_processors()
    return usable if limit is None else min(usable, limit)


def usable_processors() -> int:
    """Those on which this process may run."""
    return len(os.sched_getaffinity(0))


def limit_processors(root: Path = _ROOT) -> float | None:
    """What the control groups allow: `cpu.max` of cgroup v2, `cpu.cfs_quota_us` of v1 (docs.kernel.org, cgroup-v2 and scheduler/sched-bwc).

    None where they set no limit. `root` is where `/proc` and `/sys` are.
    """
    limits = [_quota(*text.split()[:2]) for folder in control_groups(root) if (text := text_of(folder / "cpu.max"))]
    first = root / "sys/fs/cgroup/cpu"
    if (quota := text_of(first / "cpu.cfs_quota_us")) and (period := text_of(first / "cpu.cfs_period_us")):
        limits.append(_quota(quota, period))
    return min((limit for limit in limits if limit is not None), default=None)


def control_groups(root: Path = _ROOT) -> list[Path]:
    """The folders of this process's control group in cgroup v2, and of those around it: the narrowest limit holds."""
    top = root / "sys/fs/cgroup"
    found = re.search(r"^0::/(.*)$", text_of(root / "proc/self/cgroup"), re.MULTILINE)
    below = Path(found[1].strip() if found else "")
    return [top / below, *(top / folder for folder in below.parents)] if ".." not in below.parts else [top]


def text_of(file: Path) -> str:
    """What a file of the kernel's says; empty where it is not there."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _quota(quota: str, period: str) -> float | None:
    return None if quota in ("max", "-1") else int(quota) / int(period)
