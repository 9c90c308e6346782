"""What is wrong with a file or a folder on the command line is told with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main

URL = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["results", "import", "missing"], "File 'missing' does not exist; name a file that can be read"),
        (["race", "--prompt-file", "missing"], "File 'missing' does not exist; name a file that can be read"),
        (["probe", URL, "--ca-file", "folder"], "File 'folder' is a directory; name a file that can be read"),
        (["simulate", "vllm", "--tls-cert", "missing"], "File 'missing' does not exist; name a file that can be read"),
        (["serve", "--target", URL, "--records", "folder"], "File 'folder' is a directory; name a file"),
        (["results", "list", "--output-dir", "file"], "Directory 'file' is a file; name a folder"),
    ],
    ids=lambda part: part[1] if isinstance(part, list) else "",
)
def test_the_place_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr.splitlines()[-1].partition(": ")[2].partition(": ")[2]) == (2, told)
