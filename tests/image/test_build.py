"""The image's steps, each run by a user without a name, and the exporter out of what they leave behind, with nothing but /tmp to write to."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.image.dockerfile import ROOT, stages
from tests.image.scratch import USER, Root, build, needs_root
from tests.processes import free_port, process
from tests.waiting import PATIENCE_SECONDS

LAST = stages()[-1]
PORT = LAST.last("EXPOSE")
FOLDER = LAST.last("WORKDIR")
HOME = "opt/app-root/chatprobe"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    needs_root()
    folder = tmp_path_factory.mktemp("image")
    yield build(folder)
    shutil.rmtree(folder)  # hundreds of megabytes


def test_what_is_for_building_stays_behind(image: Root) -> None:
    (packages,) = (image.path / HOME / "lib").glob("python3*/site-packages")
    installed = {folder.name.partition("-")[0] for folder in packages.glob("*.dist-info")}
    assert "chatprobe" in installed
    assert installed & {"pip", "setuptools", "wheel", "hatchling", "pytest", "uv"} == set()
    assert [path for path in packages.rglob("tests") if path.is_dir()] == []
    assert sorted(path.name for path in (image.path / "opt/app-root/src").iterdir()) == []
    assert (image.path / "licenses/LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_nothing_of_it_is_for_its_user_to_change(image: Root) -> None:
    changeable = [path for path in (image.path / HOME).rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert changeable == []
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (image.path / HOME).rglob("*")} == {(0, 0)}


def test_only_tmp_can_be_written_to(image: Root) -> None:
    written = image.run("/bin/sh", "-c", "touch /tmp/here && touch /opt/app-root/src/there", access="ro")
    assert (written.returncode, written.stderr) == (1, "touch: cannot touch '/opt/app-root/src/there': Read-only file system\n")


async def test_it_serves_as_a_user_without_a_name(image: Root, tmp_path: Path) -> None:
    engine, listen = str(free_port()), str(free_port())
    (image.path / FOLDER.lstrip("/") / "chatprobe.yaml").write_text(
        f'targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:{engine}"}}}}\nscenarios: {{short: {{every: 1s}}}}\n'
    )
    start = [word.replace(PORT, listen) for word in LAST.words("ENTRYPOINT") + LAST.words("CMD")]
    health = [word.replace(PORT, listen) for word in LAST.words("HEALTHCHECK")]
    for name in ("engine", "exporter"):
        (tmp_path / name).mkdir()
    assert image.run(*health, access="ro").returncode == 1  # nothing listens yet
    simulate = [*LAST.words("ENTRYPOINT"), "simulate", "vllm", "--port", engine]
    async with (
        process(*image.command(*simulate, access="ro", folder=FOLDER), cwd=tmp_path / "engine"),
        process(*image.command(*start, access="ro", folder=FOLDER), cwd=tmp_path / "exporter") as exporter,
    ):
        await until_chatted(f"http://127.0.0.1:{listen}/metrics")
        assert image.run(*health, access="ro").returncode == 0
        assert numbers(exporter.pid) == {"Uid": {str(USER)}, "Gid": {"0"}, "Groups": set(), "CapEff": {"0" * 16}, "CapBnd": {"0" * 16}}
        written = left_in_tmp(exporter.pid)
    assert exporter.returncode == 0, (tmp_path / "exporter/unshare.log").read_text()
    assert written == []


async def until_chatted(url: str) -> None:
    """Wait for the first good chat."""
    text = ""
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_SECONDS):
        while not any(line.startswith("chatprobe_probe_success{") and line.endswith(" 1.0") for line in text.splitlines()):
            await asyncio.sleep(0.2)
            try:
                async with session.get(url) as response:
                    text = await response.text()
            except aiohttp.ClientError:
                continue  # it is starting


def left_in_tmp(process_id: int) -> list[Path]:
    return list(Path(f"/proc/{process_id}/root/tmp").rglob("*"))


def numbers(process_id: int) -> dict[str, set[str]]:
    """User and group that a process has in any sense, and what it may do beyond them."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines())
    return {name: set(status[name].split()) for name in ("Uid", "Gid", "Groups", "CapEff", "CapBnd")}
