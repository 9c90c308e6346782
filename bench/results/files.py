"""Files that a run writes: lines that are whole or not there, and files that are the old or the new, never a part of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from bench.results.problem import cannot
from config.places import open_regular

MODE = 0o640
_BLOCK_BYTES = 1 << 20


def opened(path: Path) -> BinaryIO:
    """A file of a run, to be read. A pipe or a device is none: reading it might never end. Raises `OSError`."""
    return open(path, "rb", opener=open_regular)


def bytes_of(path: Path) -> bytes:
    """What such a file holds. Raises `OSError`."""
    with opened(path) as file:
        return file.read()


def numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, line) of each line of such a file. Raises `ResultsError`."""
    try:
        with opened(path) as lines:
            yield from enumerate(lines, 1)
    except OSError as error:
        raise cannot("read", path, error) from error


class LinesFile:
    """A file of lines that only this process appends to. A line that cannot be written whole is taken back.

    `offered` counts the lines that were to be written, `lines` those that were; `size_bytes` is how long the file is.
    """

    def __init__(self, path: Path) -> None:
        """Creates the file. Raises `OSError`, also where it exists."""
        self.path = path
        self.offered = 0
        self.lines = 0
        self.size_bytes = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)

    @property
    def lost(self) -> int:
        """Lines that were to be written and are not there: of a file that is being written, those too that are on their way."""
        return self.offered - self.lines

    def append(self, line: bytes) -> None:
        """Write a line, given without its line break. Blocks. Raises `OSError`, and leaves nothing of the line behind."""
        left = memoryview(line + b"\n")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes += len(line) + 1
        self.lines += 1

    def close(self) -> None:
        """Have it on the disk. Raises `OSError`."""
        try:
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


class Room:
    """Room on the disk that is kept free for what must be written at the end, however full the disk is by then."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Raises `OSError`, also where there is not so much."""
        self._path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError:
            self.release()
            raise
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the room up, so that it can be written to."""
        self._path.unlink(missing_ok=True)


def put(path: Path, content: bytes) -> None:
    """Have a file with this content, in place of one that is there: after a kill or a full disk it is the old one or the new.

    Blocks. Raises `OSError`.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def count_lines(path: Path) -> int:
    """How many whole lines a file has. Blocks. Raises `OSError`."""
    with opened(path) as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, _BLOCK_BYTES), b""))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
