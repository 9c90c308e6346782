"""Files and folders on the command line: what is wrong with one is told with what would be right, as everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click


class _Told(click.Path):
    def __init__(self, remedy: str, **asked: Any) -> None:
        super().__init__(path_type=Path, **asked)
        self._remedy = remedy

    def fail(self, message: str, param: click.Parameter | None = None, ctx: click.Context | None = None) -> NoReturn:
        super().fail(f"{message.rstrip('.')}; {self._remedy}", param, ctx)


READABLE_FILE = _Told("name a file that can be read", exists=True, dir_okay=False)
ANY_FILE = _Told("name a file", dir_okay=False)
ANY_FOLDER = _Told("name a folder", file_okay=False)
