from __future__ import annotations

import asyncio
import os
from pathlib import Path

from structlog.testing import capture_logs

from exporter.watching import LOOKS_FOR_REST, LOOKS_TO_TRY_AGAIN, Reading, signatures, watch_files


class Steps:
    """In place of sleeping: the watcher looks when the test says so."""

    def __init__(self) -> None:
        self._go: asyncio.Queue[None] = asyncio.Queue()
        self._asleep = asyncio.Event()

    async def sleep(self, _seconds: float) -> None:
        self._asleep.set()
        await self._go.get()

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self._asleep.wait()
            self._asleep.clear()
            self._go.put_nowait(None)
            await self._asleep.wait()


class Watched:
    def __init__(self, *paths: Path) -> None:
        self.paths = list(paths)
        self.changes = 0
        self.quiet_looks = 0
        self.well = True
        self.reading = Reading(signatures(self._named()))
        self.breaks = False
        self.steps = Steps()

    async def __aenter__(self) -> Watched:
        self._task = asyncio.create_task(watch_files(self._named, lambda: self.reading, self.read, unchanged=self._unchanged, sleep=self.steps.sleep))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    def _named(self) -> list[str]:
        return [str(path) for path in self.paths]

    async def read(self) -> None:
        self.changes += 1
        self.reading = Reading(signatures(self._named()), well=self.well and not self.breaks)
        if self.breaks:
            raise RuntimeError("no threads left")

    def _unchanged(self) -> None:
        self.quiet_looks += 1


async def test_a_change_is_told_once_when_it_has_come_to_rest(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    async with Watched(file) as watched:
        await watched.steps.look(3)
        assert watched.changes == 0
        file.write_text("one and")
        await watched.steps.look()
        file.write_text("one and two")
        await watched.steps.look()
        assert watched.changes == 0
        await watched.steps.look()
        assert watched.changes == 1
        await watched.steps.look(3)
        assert watched.changes == 1


async def test_a_file_that_comes_or_goes_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    async with Watched(file) as watched:
        file.write_text("one")
        await watched.steps.look(2)
        assert watched.changes == 1
        file.unlink()
        await watched.steps.look(2)
        assert watched.changes == 2
        watched.paths.append(tmp_path)
        await watched.steps.look(2)
        assert watched.changes == 3


async def test_what_others_have_had_read_is_known_and_so_is_that_it_was_undone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    file = tmp_path / "link"
    file.symlink_to("one")
    async with Watched(file) as watched:
        file.unlink()
        file.symlink_to("two")
        await watched.read()
        await watched.steps.look(3)
        assert watched.changes == 1
        file.unlink()
        file.symlink_to("one")
        await watched.steps.look(3)
        assert watched.changes == 2


async def test_a_file_that_is_not_watched_any_more_is_no_change(tmp_path: Path) -> None:
    kept, left = tmp_path / "kept", tmp_path / "left"
    for file in (kept, left):
        file.write_text("one")
    async with Watched(kept, left) as watched:
        watched.paths.remove(left)
        await watched.steps.look(3)
        assert (watched.changes, watched.quiet_looks) == (0, 3)


async def test_a_config_map_is_changed_by_its_link_alone(tmp_path: Path) -> None:
    """As the kubelet does it: the file is a link through `..data`, which is put in the place of another at once; sizes and times may be equal."""
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chatprobe.yaml").write_text("same length")
        os.utime(tmp_path / name / "chatprobe.yaml", (1_000_000, 1_000_000))
    (tmp_path / "..data").symlink_to("..1")
    file = tmp_path / "chatprobe.yaml"
    file.symlink_to("..data/chatprobe.yaml")
    async with Watched(file) as watched:
        (tmp_path / "..data_tmp").symlink_to("..2")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        await watched.steps.look(2)
        assert watched.changes == 1


async def test_another_mode_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret")
    async with Watched(file) as watched:
        file.chmod(0o600)
        await watched.steps.look(2)
        assert watched.changes == 1


async def test_what_does_not_come_to_rest_is_acted_on_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    async with Watched(file) as watched:
        for number in range(3 * LOOKS_FOR_REST):
            file.write_text(f"one {number}")
            await watched.steps.look()
        assert watched.changes == 3


async def test_what_did_not_go_well_is_tried_again_until_it_does(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    async with Watched(file) as watched:
        watched.well = False
        file.write_text("two")
        await watched.steps.look(2)
        assert watched.changes == 1
        await watched.steps.look(2 * LOOKS_TO_TRY_AGAIN)
        assert watched.changes == 3
        watched.well = True
        await watched.steps.look(2 * LOOKS_TO_TRY_AGAIN)
        assert watched.changes == 4
        assert watched.quiet_looks


async def test_a_change_on_which_something_breaks_ends_nothing_and_is_logged(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    async with Watched(file) as watched:
        watched.breaks = True
        with capture_logs() as logs:
            file.write_text("two")
            await watched.steps.look(3)
        assert [line["event"] for line in logs] == ["watching files went wrong, and goes on"]
        watched.breaks = False
        file.write_text("three")
        await watched.steps.look(3)
        assert watched.changes >= 2


def test_what_cannot_be_looked_at_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert signatures([str(tmp_path / "missing"), str(tmp_path / "circle"), "nul\0"]) == {
        str(tmp_path / "missing"): None,
        str(tmp_path / "circle"): None,
        "nul\0": None,
    }
