"""The standard streams: held where they were closed, written to for people, and what is said where what is printed cannot be written."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

_STANDARD = (0, 1, 2)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def hold_closed() -> None:
    """Has each of the three that was closed (`>&-`) lead nowhere: else the next file or socket would stand in its place, and be written into."""
    while (found := os.open(os.devnull, os.O_RDWR)) in _STANDARD:
        os.set_inheritable(found, True)
    os.close(found)


@contextmanager
def written() -> Iterator[None]:
    """What is printed is written out when the context ends. Raises `ClickException` where there is no room for it, or for a file that is written.

    Of a pipe that nobody reads any more (`| head -1`) click knows itself.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _throw_away()
        raise click.ClickException(f"{error.filename or 'the output'} cannot be written: {error.strerror}; make room, or write elsewhere") from None


def speak_any_text() -> None:
    """A terminal gets a question mark for what it has no character for. Whatever else reads standard output gets UTF-8, and names of files as
    they are: what is written there may be a file that is read again.
    """
    if not isinstance(sys.stdout, TextIOWrapper):
        return
    if sys.stdout.isatty():
        sys.stdout.reconfigure(errors="replace")
    else:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def console_for_people(*, width_without_terminal: int | None = None) -> Console:
    """On standard output, where nothing is read as markup; without a terminal of this width, in columns."""
    from rich.console import Console

    width = width_without_terminal if sys.stdout is not None and not sys.stdout.isatty() else None
    return Console(width=width, highlight=False, markup=False, emoji=False)


def _throw_away() -> None:
    """What standard output did not take: the interpreter would try once more at its end, and say so."""
    with suppress(OSError, ValueError, AttributeError):
        try:
            sys.stdout.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
