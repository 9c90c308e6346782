"""Configurations to start from, as they travel with the program."""

from __future__ import annotations

from importlib.resources import files

_EXAMPLE = "example"
PRESETS = tuple(sorted({entry.name.removesuffix(".yaml") for entry in files("config").iterdir() if entry.name.endswith(".yaml")} - {_EXAMPLE}))
"""Every file beside this one but the example is a preset."""


def starter(preset: str | None = None) -> str:
    """The text of a preset, or of the example that explains every key. Raises KeyError for a name that is no preset."""
    if preset is None:
        return files("config").joinpath(f"{_EXAMPLE}.yaml").read_text(encoding="utf-8")
    if preset not in PRESETS:
        raise KeyError(preset)
    return files("config").joinpath(f"{preset}.yaml").read_text(encoding="utf-8")
