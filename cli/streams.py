"""The standard streams: held where they were closed, and what is said where what is printed cannot be written."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

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


def _throw_away() -> None:
    """What standard output did not take: the interpreter would try once more at its end, and say so."""
    with suppress(OSError, ValueError, AttributeError):
        try:
            sys.stdout.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
