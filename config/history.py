"""What is kept of chats for pages and the API, and where."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from config.base import Section
from config.quantities import Bytes, Seconds, read_folder


def _file(written: str) -> str:
    read_folder(written)
    if written.endswith("/"):
        raise ValueError("is a folder; write the path of a file in it, like /var/lib/chatprobe/history.sqlite")
    return written


def _kept(seconds: float) -> float:
    if seconds < 3600:
        raise ValueError("is too short; write 1h or longer")
    return seconds


def _room(size: int) -> int:
    if size < 16 * 2**20:
        raise ValueError("is too small; write 16MiB or more")
    return size


class HistorySettings(Section):
    """What is kept of chats for pages and the API."""

    path: Annotated[str, AfterValidator(_file)] | None = Field(
        default=None, description="file (absolute) of a SQLite database, so that the history outlasts the process; left out: memory only"
    )
    keep_seconds: Annotated[Seconds, AfterValidator(_kept)] = Field(
        default=7 * 86400.0, alias="keep", description="how long chats and timings are kept, `1h` or longer"
    )
    size_bytes: Annotated[Bytes, AfterValidator(_room)] = Field(
        default=2**30, alias="size", description="largest size of the file, `16MiB` or more; the oldest chats go first"
    )
