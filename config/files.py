"""Files and variables that a configuration names: found relative to the file that names them, allowed, and there.

Secret files must lie below `secret_dirs` or beside the configuration, symbolic links resolved, so that a link or a slip of the pen
does not send another file to an engine as a key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from config.rules import Finding

_SECRETS = (("api_key", "file"), ("tls", "key_file"))
_PUBLIC = (("tls", "ca_file"), ("tls", "cert_file"))


def settle(
    data: Any, folder_of: Callable[[tuple[str, ...]], Path], beside: Iterable[Path], secret_dirs: Iterable[str], environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Makes the paths in the plain data absolute, and says what cannot be used.

    `folder_of` gives the folder of the file in which the value at a path was written, `beside` the folders of all configuration files.
    """
    allowed = [Path(os.path.realpath(str(folder))) for folder in (*secret_dirs, *beside) if "\0" not in str(folder)]
    targets = data.get("targets") if isinstance(data, dict) else None
    for name, target in targets.items() if isinstance(targets, dict) else ():
        for section, key in (*_SECRETS, *_PUBLIC):
            place = ("targets", name, section, key)
            holder = target.get(section) if isinstance(target, dict) else None
            if not isinstance(holder, dict) or not isinstance(holder.get(key), str) or not holder[key]:
                continue
            try:
                path = Path(os.path.abspath(folder_of(place) / holder[key]))  # noqa: PTH100 (Path.absolute keeps "..")
                holder[key] = str(path)
                text = _unusable(path, allowed if (section, key) in _SECRETS else None)
            except (OSError, ValueError):
                text = "is not the path of a file; write one"
            if text:
                yield place, text
        yield from _environment(name, target, environ)


def _unusable(path: Path, allowed: list[Path] | None) -> str | None:
    real = Path(os.path.realpath(path))
    if allowed is not None and not any(real.is_relative_to(folder) for folder in allowed):
        return "lies outside of the folders for secrets; move it below /run/secrets or beside this file, or add its folder to secret_dirs"
    if not real.exists():
        return "does not exist; create the file, or mend its path, which is relative to this file's folder"
    if not real.is_file():
        return "is not a file; name the file itself"
    if not os.access(real, os.R_OK):
        return "cannot be read by the user that runs this; change its owner or its mode"
    if real.stat().st_size == 0:
        return "is empty; write what it should hold into it"
    return None


def _environment(name: str, target: Any, environ: Mapping[str, str]) -> Iterator[Finding]:
    api_key = target.get("api_key") if isinstance(target, dict) else None
    variable = api_key.get("env") if isinstance(api_key, dict) else None
    if isinstance(variable, str) and variable and not environ.get(variable, "").strip():
        yield (
            ("targets", name, "api_key", "env"),
            "names a variable that is not set; export it before chatprobe starts, or write file: PATH",
        )
