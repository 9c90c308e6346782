"""Configurations to start from, as they travel with the program."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files

import yaml

_EXAMPLE = "example"
_BENCH = "bench-"
_FILES = sorted(entry.name.removesuffix(".yaml") for entry in files("config").iterdir() if entry.name.endswith(".yaml"))
PRESETS = tuple(name for name in _FILES if name != _EXAMPLE and not name.startswith(_BENCH))
"""Every file beside this one is a preset, but the example and those of benchmark runs."""
BENCH_PRESETS = tuple(name.removeprefix(_BENCH) for name in _FILES if name.startswith(_BENCH))
"""The presets of benchmark runs: what is run, without targets."""


def starter(preset: str | None = None) -> str:
    """The text of a preset, or of the example that explains every key. Raises KeyError for a name that is no preset."""
    if preset is None:
        return files("config").joinpath(f"{_EXAMPLE}.yaml").read_text(encoding="utf-8")
    if preset not in PRESETS:
        raise KeyError(preset)
    return files("config").joinpath(f"{preset}.yaml").read_text(encoding="utf-8")


_EITHER = (("levels", "sweep", "search", "replay"), ("duration", "block"))
"""Keys of `bench` of which there is one at a time."""
_IDLE = {"search": ("rounds",), "replay": ("duration", "block")}
"""Keys of `bench` that a course has no use for."""


def bench_preset(name: str, said: Collection[str] = ()) -> str:
    """The text of a preset of benchmark runs, which is laid below a configuration with targets. Raises KeyError for a name that is none.

    It is without what the keys that the configuration's own `bench` has stand for in another way.
    """
    if name not in BENCH_PRESETS:
        raise KeyError(name)
    written = yaml.safe_load(files("config").joinpath(f"{_BENCH}{name}.yaml").read_text(encoding="utf-8"))
    for either in _EITHER:
        if any(key in said for key in either):
            written["bench"] = {key: value for key, value in written["bench"].items() if key not in either}
    for course, idle in _IDLE.items():
        if course in said:
            written["bench"] = {key: value for key, value in written["bench"].items() if key not in idle}
    text: str = yaml.safe_dump(written, sort_keys=False)
    return text
