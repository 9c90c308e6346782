"""The browser that draws pictures and prints pages."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Any of these can draw and print."""


def chromium() -> str | None:
    """Where the first of its names is on the PATH; None where none is."""
    return next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)
