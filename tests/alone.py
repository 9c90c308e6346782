"""Programs with a part of the machine for themselves."""

from __future__ import annotations

import os
import subprocess

import pytest


def alone(*namespaces: str) -> list[str]:
    """What stands before a command to run it in Linux namespaces of its own, like `mount` and `net` (unshare(1)); skips where none are to be had."""
    command = ["unshare", *(f"--{name}" for name in namespaces), *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"no {' and '.join(namespaces)} namespace of its own is to be had here")
    return command
