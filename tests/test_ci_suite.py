"""`.ci/suite`: what fails beside the others has one more try, alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / ".ci/suite"
MAKE = """\
#!/usr/bin/env bash
echo "asked: $*"
cache=${PYTEST_ADDOPTS#-o cache_dir=}
case "$*" in
  *WORKERS=0) exit "$ALONE" ;;
  *) mkdir -p "$cache/v/cache" "$cache/v/chatprobe"; echo "$FAILED" >"$cache/v/cache/lastfailed"; echo "$STATUS" >"$cache/v/chatprobe/status" ;;
esac
((STATUS == 0)) || exit 2
"""
"""In place of make: what pytest leaves behind, and then how it goes alone."""


def suite(folder: Path, failed: int, status: int, alone: int = 0) -> subprocess.CompletedProcess[str]:
    """Run it where so many tests fail beside the others, pytest ends with this status, and make alone with that one."""
    stub = folder / "make"
    stub.write_text(MAKE)
    stub.chmod(0o755)
    names = ", ".join(f'"tests/test_a.py::test_{number}": true' for number in range(failed))
    told = {"FAILED": f"{{{names}}}", "STATUS": str(status), "ALONE": str(alone)}
    environment = {**os.environ, **told, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run([SUITE, "tests/some"], env=environment, capture_output=True, text=True, check=False)


def asked(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("asked: ")]


def test_what_passes_is_not_run_again(tmp_path: Path) -> None:
    done = suite(tmp_path, failed=0, status=0)
    assert (done.returncode, done.stderr, asked(done)) == (0, "", ["asked: test TESTS=tests/some"])


def test_what_fails_beside_the_others_and_passes_alone_is_named(tmp_path: Path) -> None:
    done = suite(tmp_path, failed=2, status=1)
    assert done.returncode == 0
    assert "FAILED BESIDE THE OTHERS, PASSED ALONE (2):\n  tests/test_a.py::test_0\n  tests/test_a.py::test_1\n" in done.stderr
    assert asked(done)[1:] == ["asked: test TESTS=--last-failed --last-failed-no-failures none tests/some WORKERS=0"]


def test_what_fails_again_fails(tmp_path: Path) -> None:
    done = suite(tmp_path, failed=2, status=1, alone=2)
    assert (done.returncode, done.stderr) == (1, "FAILED beside the others, and alone too\n")


@pytest.mark.parametrize(
    ("failed", "status", "said"),
    [
        (4, 1, "FAILED: 4 tests; no more than 3 are tried once more alone\n"),
        (1, 3, "FAILED: not all tests were run\n"),  # pytest itself broke
        (0, 5, "FAILED: not all tests were run\n"),
    ],
)
def test_what_is_no_chance_failure_is_not_tried_again(failed: int, status: int, said: str, tmp_path: Path) -> None:
    done = suite(tmp_path, failed, status)
    assert (done.returncode, done.stderr, len(asked(done))) == (1, said, 1)
