"""The port of the exporter as it runs: what changes in the files is put in force without a restart, and what is broken is not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs

from config.reader import read
from exporter import watching
from exporter.exporting import Running, ServeError, exporting
from exporter.watching import signatures
from tests.exporter.security.ports import HASH, OTHER_TOKEN, TOKEN, basic, bearer, certificates, client
from tests.waiting import PATIENCE_SECONDS, eventually

USERS = f"basic_auth_users: {{alice: '{HASH}'}}\n"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"


@dataclass
class Scene:
    folder: Path
    running: Running

    async def status(self, path: str = "/metrics", *, tls: ssl.SSLContext | None = None, headers: dict[str, str] | None = None) -> int:
        url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.running.address.port}{path}"
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls or True)) as session,
            session.get(url, headers=headers) as answer,
        ):
            return answer.status

    async def until(self, expected: int, **asked: object) -> None:
        """Until this is the status."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    if await self.status(**asked) == expected:  # type: ignore[arg-type]
                        return
                await asyncio.sleep(0.02)


def configuration(more: str = "") -> str:
    return f"""
web: {{listen: "127.0.0.1:0"{more}}}
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:9", model: tiny}}}}
scenarios: {{beat: {{every: 1h, prompt: {{text: Hello}}}}}}
"""


@asynccontextmanager
async def scene(folder: Path, more: str) -> AsyncIterator[Scene]:
    file = folder / "chatprobe.yaml"
    file.write_text(configuration(more))
    files = signatures([str(file)])
    async with exporting(read([file]).config, read=lambda: read([file]), files=files) as running:
        yield Scene(folder, running)


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    certificates(tmp_path, authority)
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path


async def test_the_file_of_tls_and_users_is_read_again_when_it_changes_and_a_broken_one_keeps_the_old_one_in_force(
    folder: Path, authority: trustme.CA
) -> None:
    web, trusts = folder / "web.yaml", client(authority)
    web.write_text(USERS)
    with capture_logs() as logs:
        async with scene(folder, ", config_file: web.yaml") as one:
            assert await one.status() == 401
            assert await one.status(headers=basic()) == 200
            web.write_text("basic_auth_users: {alice: canary-password}\n")
            await eventually(lambda: any("not reloaded" in line["event"] for line in logs))
            assert await one.status(headers=basic()) == 200
            assert await one.status() == 401
            web.write_text(USERS + TLS)
            await one.until(200, tls=trusts, headers=basic())
            with pytest.raises((aiohttp.ClientError, OSError)):
                await one.status(headers=basic())
            web.write_text("http_server_config: {}\n")
            await one.until(200)
    assert "canary-password" not in repr(logs)


async def test_a_certificate_that_is_renewed_is_shown_from_then_on(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(TLS)
    other = trustme.CA()
    async with scene(folder, ", config_file: web.yaml") as one:
        assert await one.status(tls=client(authority)) == 200
        certificates(folder, other)
        await one.until(200, tls=client(other))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await one.status(tls=client(authority))


async def test_a_token_that_is_changed_is_the_only_one_from_then_on(folder: Path) -> None:
    async with scene(folder, ", tokens: {ci: {file: token}}") as one:
        assert await one.status(headers=bearer()) == 200
        (folder / "token").write_text(OTHER_TOKEN)
        await one.until(200, headers=bearer(OTHER_TOKEN))
        assert await one.status(headers=bearer()) == 401
        (folder / "token").write_text("short")
        (folder / "chatprobe.yaml").write_text(configuration())
        await one.until(200)


async def test_what_is_broken_at_the_start_is_told_and_nothing_is_opened(folder: Path) -> None:
    (folder / "web.yaml").write_text(TLS)
    (folder / "chatprobe.yaml").write_text(configuration(", config_file: web.yaml"))
    config = read([folder / "chatprobe.yaml"]).config
    (folder / "web.yaml").write_text("tls_server_config: {cert_file: canary.pem}\n")
    with pytest.raises(ServeError, match=r"web\.yaml:1:20: tls_server_config: has no key_file; write one"):
        async with exporting(config):
            raise AssertionError
