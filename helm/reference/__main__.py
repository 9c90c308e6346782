"""Writes what is made of the charts' values: `python -m helm.reference`."""

from __future__ import annotations

from helm.reference.build import build

if __name__ == "__main__":
    for path, text in build().items():
        path.write_text(text)
