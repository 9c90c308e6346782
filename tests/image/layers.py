"""What a build has installed before, kept as container engines keep it: it takes most of a build's time, and changes seldom."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(os.environ.get("TEST_IMAGE_HOME", Path.home() / ".cache" / "test-image"))
KEPT_SECONDS = 7 * 86400
"""From its last use."""


class Layer:
    """A root after a RUN, known by all that has come into it. None is kept once a folder was copied: it is the source, which changes each time."""

    def __init__(self, root: Path, made_of: Iterable[bytes]) -> None:
        self._root = root
        self._digest = hashlib.sha256(b"\0".join(made_of))
        self._seldom_changes = True

    def then(self, part: bytes) -> None:
        self._digest.update(b"\0" + part)

    def copied(self, path: Path) -> None:
        if path.is_dir():
            self._seldom_changes = False
        else:
            self.then(path.read_bytes())

    def restored(self) -> bool:
        """Whether there is one of before; the root is that then."""
        if not self._seldom_changes or not self._place.exists():
            return False
        os.utime(self._place)
        shutil.rmtree(self._root)
        subprocess.run(["cp", "--archive", self._place / "root", self._root], check=True)
        return True

    def keep(self) -> None:
        if not self._seldom_changes:
            return
        KEPT.mkdir(parents=True, exist_ok=True)
        for other in KEPT.iterdir():
            if other.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="being-made-", dir=KEPT))
        subprocess.run(["cp", "--archive", self._root, made / "root"], check=True)
        with contextlib.suppress(OSError):  # somebody else has kept it meanwhile
            made.rename(self._place)

    @property
    def _place(self) -> Path:
        return KEPT / self._digest.hexdigest()
