"""The exporter as a whole, with its measuring worker, against an engine on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from catalogue import own
from config.model import Config
from config.quantities import Address
from config.reader import parse
from exporter.exporting import ServeError, exporting
from probes.record import ChatRecord
from tests.answers import FINISH, stream, token, whole
from tests.exporter.engine import KEY, engine
from tests.exporter.scrape import Scrape, promtool_accepts, read
from tests.servers import Peer, serving
from tests.waiting import PATIENCE_SECONDS
from traffic.events import Event

CHAT = {"target": "vllm", "backend": "vllm", "model": "tiny", "scenario": "heartbeat"}
UNREACHABLE = "http://127.0.0.1:9"


def settings(url: str, *, key: Path | None = None, every: str = "1s", listen: str = "127.0.0.1:0") -> Config:
    api_key = f", api_key: {{file: {key}}}" if key else ""
    yaml = f"""
    web: {{listen: "{listen}"}}
    targets:
      vllm: {{backend: vllm, url: "{url}"{api_key}}}
    scenarios:
      heartbeat: {{every: {every}, prompt: {{text: Hello}}}}
    """
    return parse(yaml, str((key or Path()).parent / "chatprobe.yaml")).config


class Awaited:
    """A sink with which a test waits for a record of some kind."""

    def __init__(self, wanted: Callable[[ChatRecord], bool] = lambda record: record.outcome == "ok") -> None:
        self._wanted = wanted
        self._came = asyncio.Event()

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChatRecord) and self._wanted(event):
            self._came.set()

    async def came(self) -> None:
        await asyncio.wait_for(self._came.wait(), PATIENCE_SECONDS)


async def get(address: Address, path: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as response:
        return response.status, await response.read()


async def scraped(address: Address) -> Scrape:
    return read((await get(address, "/metrics"))[1])


@pytest.mark.prometheus
async def test_from_an_engine_to_a_scrape(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    records = tmp_path / "records.ndjson"
    awaited = Awaited()
    async with engine() as one, exporting(settings(one.url, key=key), records=records, sinks=[awaited]) as running:
        assert await get(running.address, "/-/ready") == (200, b"chatprobe is ready.\n")
        await awaited.came()
        seen = await scraped(running.address)
        probes = seen.one(own.PROBES.name, **CHAT)
        assert probes is not None
        assert probes >= 1
        assert seen.one(own.OUTPUT_TOKENS.name, **CHAT) == 3 * probes
        assert seen.one(own.INPUT_TOKENS.name, **CHAT) == 9 * probes
        assert seen.one(own.ITL.count, **CHAT) == 2 * probes
        assert seen.value(own.PROBE_FAILURES.name) == 0
        assert seen.value(own.TARGET_INFO.name, served_model="tiny", backend_version="0.0.1", url=one.url) == 1
        pages = [(await get(running.address, path))[1] for path in ("/metrics", "/config", "/")]
        promtool_accepts(pages[0])
        assert one.keys == {f"Bearer {KEY}"}
        assert one.chats[0]["model"] == "tiny"
    written = records.read_bytes()
    assert not [page for page in (*pages, written) if KEY.encode() in page]
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) >= probes
    assert {line["outcome"] for line in lines} == {"ok"}


async def test_a_scrape_says_how_late_reads_were() -> None:
    async with engine() as one, exporting(settings(one.url)) as running, asyncio.timeout(PATIENCE_SECONDS):
        while not (seen := await scraped(running.address)).value(own.READS.name):  # noqa: ASYNC110 - what it waits for is another process
            await asyncio.sleep(0.05)
    reads, late, delay, drops = (seen.value(metric.name) for metric in (own.READS, own.LATE_READS, own.READ_DELAY, own.RECEIVE_DROPS))
    assert reads is not None
    assert late is not None
    assert late <= reads
    assert delay is not None
    assert delay > 0
    assert drops is not None


async def test_what_a_target_refuses_is_a_fact_about_it() -> None:
    def strict(peer: Peer) -> None:
        while True:
            request = peer.request()
            if not request.startswith(b"POST"):
                peer.send(whole(404, b""))
            elif b'"seed"' in request:
                peer.send(whole(422, b'{"detail":[{"type":"extra_forbidden","loc":["body","seed"]}]}'))
            else:
                peer.send(stream(token("Hi"), FINISH))

    awaited = Awaited()
    with serving(strict) as server:
        async with exporting(settings(server.url), sinks=[awaited]) as running:
            await awaited.came()
            seen = await scraped(running.address)
    assert seen.value(own.TARGET_INFO.name, left_out="seed") == 1
    assert seen.value(own.PROBE_FAILURES.name) == 0


async def test_an_engine_that_is_down_is_a_failure_to_connect_under_an_unknown_model() -> None:
    awaited = Awaited(lambda record: record.outcome == "failed")
    async with exporting(settings(UNREACHABLE), sinks=[awaited]) as running:
        await awaited.came()
        seen = await scraped(running.address)
        failures = seen.one(own.PROBE_FAILURES.name, **{**CHAT, "model": "unknown"}, reason="connect")
        assert failures == seen.value(own.PROBE_FAILURES.name) == seen.value(own.PROBES.name)
        assert failures is not None
        assert failures >= 1


async def test_at_the_end_chats_under_way_end_well_while_readiness_says_no() -> None:
    records: list[Event] = []
    async with engine() as one:
        one.finish.clear()
        exporter = exporting(settings(one.url), sinks=[records.append])
        address = (await exporter.__aenter__()).address
        await asyncio.wait_for(one.asked.wait(), PATIENCE_SECONDS)
        stopping = asyncio.create_task(exporter.__aexit__(None, None, None))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (ready := await get(address, "/-/ready"))[0] == 200:
                pass
        assert ready == (503, b"chatprobe is not ready: no chats are being started.\n")
        assert not stopping.done()
        sent = len(one.chats)
        one.finish.set()
        await asyncio.wait_for(stopping, PATIENCE_SECONDS)
        outcomes = [event.outcome for event in records if isinstance(event, ChatRecord)]
        assert (outcomes, len(one.chats)) == (["ok"] * sent, sent)


async def test_chats_that_do_not_end_in_time_are_cancelled() -> None:
    records: list[Event] = []
    async with engine() as one:
        one.finish.clear()
        async with exporting(settings(one.url), sinks=[records.append], grace_seconds=0.05):
            await asyncio.wait_for(one.asked.wait(), PATIENCE_SECONDS)
        outcomes = {event.outcome for event in records if isinstance(event, ChatRecord)}
        assert outcomes == {"cancelled"}


async def test_what_keeps_it_from_starting_is_said(tmp_path: Path) -> None:
    async with exporting(settings(UNREACHABLE)) as running:
        with pytest.raises(ServeError, match="is in use by another program"):
            await exporting(settings(UNREACHABLE, listen=str(running.address))).__aenter__()
    with pytest.raises(ServeError, match=r"records\.ndjson: No such file or directory; name a file"):
        await exporting(settings(UNREACHABLE), records=tmp_path / "missing" / "records.ndjson").__aenter__()
    key = tmp_path / "key"
    key.write_text(KEY)
    config = settings(UNREACHABLE, key=key)
    key.unlink()
    with pytest.raises(ServeError, match=r"a secret cannot be read: .*key: No such file"):
        await exporting(config).__aenter__()
