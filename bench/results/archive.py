"""A run as one file, `.tar.gz`, to send around and to bring in again. What is in a file from elsewhere is believed nothing."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from bench.results.files import MODE, sync_folder
from bench.results.names import read_folder_name
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run, open_run

_GZIP = b"\x1f\x8b"
_DEEPEST = 3
"""`engines/NAME/FILE`."""
_MOST_FILES = 10_000
_MOST_AT_ONCE_BYTES = 16 << 20
"""What tarfile reads at once: blocks of files, and whole headers, which are a few hundred bytes."""
_LEFT_FREE_BYTES = 100 << 20


def is_archive(path: Path) -> bool:
    """Whether a file is compressed with gzip (RFC 1952 section 2.3.1), as archives of runs are. Raises `ResultsError`."""
    try:
        if not path.is_file():
            raise ResultsError(f"{path} is a pipe or a device, which cannot be read twice; write what comes from it into a file, and import that")
        with path.open("rb") as file:
            return file.read(2) == _GZIP
    except OSError as error:
        raise cannot("read", path, error) from error


def pack(run: Run, out: IO[bytes]) -> None:
    """Write the run's folder as an archive, hidden files left out. Raises `ResultsError`."""
    try:
        with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(run.folder.rglob("*")):
                within = path.relative_to(run.folder)
                if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in within.parts):
                    archive.add(path, arcname=str(PurePosixPath(run.name, *within.parts)), filter=_nobodys)
    except OSError as error:
        raise cannot("packed", run.folder, error) from error


def unpack(path: Path, results: Path) -> Path:
    """Bring the run of an archive into the results folder. The folder that it has there, under the name that it had.

    Raises `ResultsError` where the file is no archive of a run, holds anything else, or is there already.
    """
    with new_beside(results) as beside:
        try:
            with path.open("rb") as file, _Unpacked(fileobj=file) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
                name = _extracted(path, archive, beside)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, RecursionError) as error:
            raise ResultsError(
                f"{path} is no whole archive of a run ({error}); export it anew with chatprobe results export --format archive"
            ) from error
        except OSError as error:
            raise ResultsError(f"{path} cannot be unpacked into {results}: {error.strerror or error}") from error
        open_run(beside)
        return put_in_place(beside, results / name)


@contextmanager
def new_beside(results: Path) -> Iterator[Path]:
    """A hidden, empty folder in the results folder, in which a run can grow before it is there; what is left of it then is deleted.

    Raises `ResultsError`.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".importing-", dir=results))
    except OSError as error:
        raise ResultsError(f"{results} cannot be written: {error.strerror}; give another place with --output-dir") from error
    try:
        beside.chmod(0o755)
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def put_in_place(beside: Path, folder: Path) -> Path:
    """Give a run that has grown beside its place, which it returns. Raises `ResultsError` where something is there already."""
    try:
        beside.rename(folder)  # fails where the folder is there, as no run's folder is empty
        sync_folder(folder.parent)
    except OSError as error:
        if folder.exists():
            raise ResultsError(f"{folder} is there already, and stays as it is; delete it, or give another place with --output-dir") from error
        raise cannot("written", folder, error) from error
    return folder


class _Unpacked(gzip.GzipFile):
    """What is read of an archive. A header that says that it is huge is not taken into memory at its word."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MOST_AT_ONCE_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _extracted(path: Path, archive: tarfile.TarFile, into: Path) -> str:
    """Write the files of an archive into an empty folder, and give the name of the one folder that they were in."""
    names: set[str] = set()
    for count, member in enumerate(archive, 1):
        if count > _MOST_FILES:
            raise ResultsError(f"{path} has more than {_MOST_FILES} files; no run has so many, so nothing of it is taken")
        if member.isdir():
            continue
        name, *within = _parts(path, member)
        _check_room(path, member, into)
        names.add(name)
        if len(names) > 1:
            raise ResultsError(f"{path} holds more than one run ({', '.join(sorted(names))}); give an archive of one")
        target = into.joinpath(*within)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None, "it is a regular file"
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(content, file)
    if not names:
        raise ResultsError(f"{path} is an archive without files; export a run anew with chatprobe results export --format archive")
    return names.pop()


def _check_room(path: Path, member: tarfile.TarInfo, into: Path) -> None:
    """Raises `ResultsError` of a file that would fill the disk, on which runs may be going on."""
    free_bytes = shutil.disk_usage(into).free
    if member.size > free_bytes - _LEFT_FREE_BYTES:
        raise ResultsError(
            f"{path}: {member.name!r} has {member.size:,} bytes, and the disk {free_bytes:,} free, of which {_LEFT_FREE_BYTES:,} are left so; "
            "free space, or give another place with --output-dir"
        )


def _parts(path: Path, member: tarfile.TarInfo) -> list[str]:
    """(the run's folder, the parts of a file's path within it). Raises `ResultsError` of anything that no run has."""
    if not member.isreg():
        raise ResultsError(f"{path}: {member.name!r} is a link or a device; a run has files and folders only, so nothing of it is taken")
    parts = member.name.split("/")
    within = parts[1:]
    unsafe = any(part in ("", "..") or part.startswith(".") or "\0" in part for part in parts)
    if unsafe or not 1 <= len(within) <= _DEEPEST or read_folder_name(parts[0]) is None:
        raise ResultsError(f"{path}: {member.name!r} does not lie in a run's folder (test_NAME_DATE_TIME/…), so nothing of it is taken")
    return parts


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names and numbers of users here."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
