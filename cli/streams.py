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


def console_for_people() -> Console:
    """On standard output. What that has no characters for is replaced, and nothing is read as markup."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


def _throw_away() -> None:
    """What standard output did not take: the interpreter would try once more at its end, and say so."""
    with suppress(OSError, ValueError, AttributeError):
        try:
            sys.stdout.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
