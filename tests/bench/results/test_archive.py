"""Runs as one file, ours and those of people who mean ill."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.results.archive import is_archive, pack, unpack
from bench.results.problem import ResultsError
from bench.results.reading import open_run
from tests.bench.results.runs import written

RUN = "test_evil_20270115_080000"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def packed(folder: Path, into: Path) -> Path:
    with into.open("wb") as out:
        pack(open_run(folder), out)
    return into


def test_a_run_comes_out_as_it_went_in(tmp_path: Path) -> None:
    folder, _ = written(tmp_path / "here")
    (folder / ".room-for-summary").write_bytes(b"hidden")
    (folder / "link").symlink_to("/etc/passwd")
    archive = packed(folder, tmp_path / "run.tar.gz")
    assert is_archive(archive)
    there = unpack(archive, tmp_path / "there")
    assert there == tmp_path / "there" / folder.name
    (folder / ".room-for-summary").unlink()
    (folder / "link").unlink()
    assert contents(there) == contents(folder)
    assert open_run(there).whole
    assert [path.name for path in (tmp_path / "there").iterdir()] == [folder.name]


def test_who_packed_it_is_not_told(tmp_path: Path) -> None:
    folder, _ = written(tmp_path / "here")
    with tarfile.open(packed(folder, tmp_path / "run.tar.gz")) as archive:
        assert {(member.uid, member.gid, member.uname, member.gname) for member in archive} == {(0, 0, "", "")}


def test_a_run_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    archive = packed(folder, tmp_path / "run.tar.gz")
    (folder / "records.ndjson").write_bytes(b"mine")
    with pytest.raises(ResultsError, match="is there already, and stays as it is"):
        unpack(archive, tmp_path)
    assert (folder / "records.ndjson").read_bytes() == b"mine"
    assert not list(tmp_path.glob(".importing-*"))


def made(path: Path, *members: tuple[str, bytes | Callable[[tarfile.TarInfo], None]]) -> Path:
    """An archive with these members: a file's content, or what makes the member something else."""
    with tarfile.open(path, "w:gz") as archive:
        for name, what in members:
            member = tarfile.TarInfo(name)
            if callable(what):
                what(member)
                archive.addfile(member)
            else:
                member.size = len(what)
                archive.addfile(member, io.BytesIO(what))
    return path


def link(kind: bytes, to: str) -> Callable[[tarfile.TarInfo], None]:
    def become(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, to

    return become


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", b"x")],
        [("/tmp/escaped", b"x")],
        [(f"{RUN}/../../escaped", b"x")],
        [(f"{RUN}/..", b"x")],
        [(f"{RUN}/.hidden", b"x")],
        [(f"{RUN}/a/b/c/d", b"x")],
        [(f"{RUN}//file", b"x")],
        [(RUN, b"x")],
        [("test_no_date/manifest.json", b"x")],
        [(f"{RUN}/link", link(tarfile.SYMTYPE, "/etc")), (f"{RUN}/link/escaped", b"x")],
        [(f"{RUN}/link", link(tarfile.SYMTYPE, ".."))],
        [(f"{RUN}/link", link(tarfile.LNKTYPE, "/etc/passwd"))],
        [(f"{RUN}/device", link(tarfile.CHRTYPE, ""))],
        [(f"{RUN}/pipe", link(tarfile.FIFOTYPE, ""))],
    ],
)
def test_nothing_is_written_elsewhere(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    results = tmp_path / "outer" / "results"
    archive = made(tmp_path / "evil.tar.gz", (f"{RUN}/records.ndjson", b""), *members)
    with pytest.raises(ResultsError, match="nothing of it is taken"):
        unpack(archive, results)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["evil.tar.gz", "outer", "outer/results"]


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ([], "is an archive without files"),
        ([(f"{RUN}/records.ndjson", b"")], "has no manifest.json"),
        ([(f"{RUN}/manifest.json", b"{}"), ("test_b_20270115_080000/manifest.json", b"{}")], "holds more than one run"),
        ([(f"{RUN}/manifest.json", b"{}")], "schema: is no number"),
        ([(f"{RUN}/a", b"1"), (f"{RUN}/a", b"2")], "File exists"),
        ([(f"{RUN}/{number}", b"") for number in range(10_001)], "has more than 10000 files"),
    ],
)
def test_what_is_no_run_is_not_taken(tmp_path: Path, members: list[tuple[str, bytes]], wrong: str) -> None:
    results = tmp_path / "results"
    with pytest.raises(ResultsError, match=wrong):
        unpack(made(tmp_path / "made.tar.gz", *members), results)
    assert list(results.iterdir()) == []


def test_an_archive_that_was_cut_is_not_taken(tmp_path: Path) -> None:
    folder, _ = written(tmp_path / "here")
    archive = packed(folder, tmp_path / "run.tar.gz")
    archive.write_bytes(archive.read_bytes()[:1500])
    with pytest.raises(ResultsError, match="is no whole archive of a run"):
        unpack(archive, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_is_huge_is_not_taken_into_memory(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo(f"{RUN}/manifest.json")
    member.type, member.size = kind, 32 << 20
    archive = tmp_path / "evil.tar.gz"
    archive.write_bytes(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) + bytes(member.size + 1024), compresslevel=1))
    tracemalloc.start()
    with pytest.raises(ResultsError, match="is no whole archive of a run"):
        unpack(archive, tmp_path / "results")
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 16 << 20


def test_headers_of_headers_are_not_followed_without_end(tmp_path: Path) -> None:
    member = tarfile.TarInfo(f"{RUN}/manifest.json")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1
    archive = tmp_path / "evil.tar.gz"
    archive.write_bytes(gzip.compress((member.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 2000))
    with pytest.raises(ResultsError, match="is no whole archive of a run"):
        unpack(archive, tmp_path / "results")


def test_a_file_that_would_fill_the_disk_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=(100 << 20) + 99))
    archive = made(tmp_path / "big.tar.gz", (f"{RUN}/records.ndjson", bytes(100)))
    with pytest.raises(ResultsError, match=r"records\.ndjson' has 100 bytes, and the disk 104,857,699 free"):
        unpack(archive, tmp_path / "results")
    assert list((tmp_path / "results").iterdir()) == []


def test_a_pipe_is_not_read_twice() -> None:
    with pytest.raises(ResultsError, match="/dev/null is a pipe or a device, which cannot be read twice"):
        is_archive(Path("/dev/null"))
