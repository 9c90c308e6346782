"""chatprobe's own commands, in processes of their own."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

_ALONE = (sys.executable, "-P", "-m")
"""Without the folder that the notebook stands in on the path: a folder `cli` there is none of ours."""
_STOP_SECONDS = 5.0


class NotebookError(Exception):
    """What keeps the notebook from going on, and what would help."""


@contextmanager
def chatprobe(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs; what it says, errors too, is its standard output. It is stopped where nobody reads it any more."""
    with subprocess.Popen([*_ALONE, "cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def simulated() -> Mapping[str, str]:
    """The URLs of three simulated engines, by name. They run until the notebook ends."""
    command = [*_ALONE, "cli.fleet", "measured"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)  # Ctrl-C is not for them
    atexit.register(_end, process)
    assert process.stdout is not None
    urls = {}
    for _ in range(3):
        name, _, url = process.stdout.readline().strip().partition(" ")
        urls[name] = url
    if "" in urls:
        raise NotebookError("the simulated engines did not start; chatprobe demo shows why")
    return urls


def written(urls: Mapping[str, str]) -> Path:
    """A configuration with these engines, whose backends are their names."""
    targets = {name: {"backend": name, "url": url} for name, url in urls.items()}
    folder = tempfile.TemporaryDirectory(prefix="chatprobe-")
    atexit.register(folder.cleanup)
    file = Path(folder.name) / "simulated.yaml"
    file.write_text(yaml.safe_dump({"targets": targets}))
    return file


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
