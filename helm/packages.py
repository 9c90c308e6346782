"""The charts as archives, with what their symbolic links lead to: `python -m helm.packages FOLDER` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import helm_python

from helm.reference.build import charts


def pack(folder: Path) -> None:
    """Writes an archive of each chart that one can install. Raises `helm_python.HelmError` where Helm refuses one."""
    folder.mkdir(parents=True, exist_ok=True)
    for chart in charts():
        helm_python.package(chart, destination=folder)


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
