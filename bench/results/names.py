"""How runs are named, and how their folders are: `test_<name>_<YYYYMMDD>_<HHMMSS>`, in UTC."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

LATEST = "latest"
"""Stands for the newest run, wherever a run is named."""
_LONGEST_NAME_BYTES = 100
_LONGEST_FOLDER_BYTES = 200
_FOLDER = re.compile(r"test_(?P<name>.+)_(?P<at>[0-9]{8}_[0-9]{6})(?:-(?P<again>[0-9]+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FolderName:
    """What the name of a run's folder tells. `again` counts the runs of one name and second, from 1."""

    name: str
    begun_at: datetime
    again: int = 1

    def __str__(self) -> str:
        return f"test_{self.name}_{self.begun_at:%Y%m%d_%H%M%S}{f'-{self.again}' if self.again > 1 else ''}"


def read_run_name(written: str) -> str:
    """The name of a run, composed (NFC), so that it is found again however it is typed. Raises `ValueError`."""
    name = unicodedata.normalize("NFC", written)
    if not name or name != name.strip():
        raise ValueError("is empty, or has spaces around it; write a name like nightly")
    if "/" in name or not name.isprintable() or name.startswith("."):
        raise ValueError("is not usable as a part of a folder's name; write it without /, line breaks and a dot at its beginning")
    if len(name.encode(errors="surrogatepass")) > _LONGEST_NAME_BYTES:
        raise ValueError(f"is longer than {_LONGEST_NAME_BYTES} bytes; write a shorter one")
    if name == LATEST:
        raise ValueError("stands for the newest run; write another name")
    return name


def read_folder_name(written: str) -> FolderName | None:
    """What a folder's name tells; None of one that is no run's."""
    found = _FOLDER.fullmatch(written)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
        return FolderName(read_run_name(found["name"]), at, int(found["again"] or 1))
    except ValueError:
        return None


def engine_folder(target: str) -> str:
    """The name of a target's own folder: its name, `/` and `%` as in URLs, since discovered targets are named `namespace/name`."""
    quoted = target.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    if not quoted or quoted.startswith("."):  # hidden files are in no archive
        quoted = f"%{quoted}"
    whole = quoted.encode(errors="surrogatepass")
    if len(whole) <= _LONGEST_FOLDER_BYTES:
        return quoted
    return f"{whole[: _LONGEST_FOLDER_BYTES - 20].decode(errors='ignore')}%{hashlib.sha256(whole).hexdigest()[:16]}"
