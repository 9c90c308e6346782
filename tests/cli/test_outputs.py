"""Where --output leads: a file that is whole or not there, and what is no file and stays what it is."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import click
import pytest

from cli.outputs import written_whole


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "new" / "run.csv"
    with written_whole(output) as out:
        out.write(b"old")
    with suppress(RuntimeError), written_whole(output) as out:
        out.write(b"half")
        raise RuntimeError
    assert [path.name for path in output.parent.iterdir()] == ["run.csv"]
    assert output.read_bytes() == b"old"


def test_a_link_goes_on_leading_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "run.csv")
    with written_whole(tmp_path / "link") as out:
        out.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "run.csv").read_bytes() == b"new"


def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with written_whole(pipe) as out:
        out.write(b"run")
    reader.join()
    assert read == [b"run"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("place", ["file/run.csv", "."])
def test_what_cannot_be_written_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(click.ClickException, match=r"cannot be written: .*; give another place with --output"), written_whole(tmp_path / place):
        pass
