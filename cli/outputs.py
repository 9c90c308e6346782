"""Where people have something written: the folder of results, and files that they name with --output.

Such a file is whole or not there. A pipe or a device is written into, and stays what it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from cli.paths import ANY_FOLDER

Command = TypeVar("Command", bound=Callable[..., Any])

_MODE = 0o640
"""As all files of a run."""


def results_folder(help: str) -> Callable[[Command], Command]:
    """The option for it, as the argument `results`."""
    return click.option(
        "--output-dir",
        "results",
        type=ANY_FOLDER,
        default="results",
        envvar="CHATPROBE_RESULTS",
        show_default=True,
        help=help,
    )


@contextmanager
def written_whole(output: Path) -> Iterator[BinaryIO]:
    """The file stands there once the context ends well, in place of one that did; its folders are made. Raises `ClickException`."""
    try:
        if output.exists() and not output.is_file():
            with output.open("wb") as out:
                yield out
            return
        path = Path(os.path.realpath(output))  # a link goes on leading to it
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        try:
            with open(beside, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, _MODE)) as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}; give another place with --output") from error
