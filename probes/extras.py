"""The extras of an installation: libraries that few need, and that are installed only where they are asked for."""

from __future__ import annotations

from importlib.util import find_spec

LIBRARIES = {
    "bench": ("numpy", "scipy"),
    "dashboards": ("promql_parser",),
    "language": ("py3langid",),
    "notebook": ("numpy", "scipy", "kaleido", "plotly", "ipykernel", "nbclient", "nbformat"),
    "report": ("kaleido", "plotly"),
}
"""The modules that each extra of `pyproject.toml` brings."""


def missing(extra: str) -> str | None:
    """What is missing and what to do, in words that follow "needs", where this extra is not installed; None where it is."""
    if all(find_spec(module) is not None for module in LIBRARIES[extra]):
        return None
    return f"the extra {extra!r}, which is not installed; install chatprobe[{extra}] in place of chatprobe"
