"""Reload, with the whole exporter and an engine on real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from catalogue import own
from catalogue.metric import TARGET
from config.quantities import Address
from config.reader import Loaded, parse, read
from discovery.kubernetes.discovery import Seen
from discovery.plan import plan
from exporter.assembly import Metrics
from exporter.exporting import Running, exporting
from exporter.reloading import Before, Reloading
from exporter.watching import Signatures, signatures
from probes.record import ChatRecord
from tests.exporter.engine import Engine, engine
from tests.exporter.scrape import Scrape, promtool_accepts
from tests.exporter.scrape import read as read_scrape
from tests.exporter.scrape import scrape as scraped
from tests.traffic.fakes import FakeClock
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Event, Skip
from traffic.sharding import Part

CHAT = {"target": "vllm", "backend": "vllm", "model": "tiny", "scenario": "steady"}


@dataclass
class Scene:
    """An exporter on a configuration file that the test changes."""

    file: Path
    running: Running
    engine: Engine
    events: list[Event] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return self.running.address

    @property
    def records(self) -> list[ChatRecord]:
        return [event for event in self.events if isinstance(event, ChatRecord)]

    async def reload(self, text: str) -> tuple[int, str]:
        self.file.write_text(text)
        return await self.reload_as_it_is()

    async def reload_as_it_is(self) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.post(f"http://{self.address}/-/reload") as response:
            return response.status, await response.text()

    async def page(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.address}/") as response:
            return await response.text()

    async def scrape(self) -> Scrape:
        return read_scrape(await self.metrics())

    async def metrics(self) -> bytes:
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.address}/metrics") as response:
            return await response.read()

    async def until_scraped(self, expected: float | None, name: str, **labels: str) -> None:
        """Until the sum of these samples is the expected one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while read_scrape(_lines_of(name, await self.metrics())).value(name, **labels) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await self.scrape()


def _lines_of(name: str, body: bytes) -> bytes:
    return b"".join(line for line in body.splitlines(keepends=True) if line.startswith(name.encode()))


def configuration(url: str, *, extra: str = "", target: str = "", scenario: str = "rate: 20/s", slos: str = "{}", more: str = "") -> str:
    return f"""
web: {{listen: "127.0.0.1:0", lifecycle: true}}
targets:
  vllm: {{backend: vllm, url: "{url}", model: tiny{target}}}
{extra}
scenarios:
  steady: {{{scenario}, prompt: {{text: Hello}}}}
slos: {slos}
{more}
"""


@asynccontextmanager
async def scene(folder: Path, make: Callable[[str], str] = configuration, *, watch: bool = False) -> AsyncIterator[Scene]:
    file = folder / "chatprobe.yaml"
    events: list[Event] = []
    async with engine() as one:
        file.write_text(make(one.url))
        files = signatures([str(file)]) if watch else None
        loaded = read([file])
        running = exporting(loaded.config, read=lambda: read([file]), files=files, sinks=[events.append])
        async with running as exporter:
            yield Scene(file, exporter, one, events)


@pytest.mark.prometheus
async def test_a_storm_of_reloads_loses_no_chat_and_no_counter_of_what_is_kept_ever_decreases(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        url = one.engine.url
        variants = (
            configuration(url, extra=f'  other: {{backend: vllm, url: "{url}", model: tiny}}'),
            configuration(url, scenario="rate: 20/s, targets: [vllm]", slos="{fast: {scenario: steady, e2e: 1234ms, objective: 99%}}"),
            "targets: {vllm: {backend: vllm",
        )
        seen: list[dict[str, float]] = []
        answers: Counter[int] = Counter()
        for number in range(100):
            status, answer = await one.reload(variants[number % 3])
            answers[status] += 1
            assert (status == 500) == (number % 3 == 2), answer
            if number % 10 == 0:
                seen.append(kept(await one.scrape()))
        assert answers == {200: 67, 500: 33}
        await eventually(lambda: len([record for record in one.records if record.target == "vllm"]) > 30)
        seen.append(kept(await one.scrape()))
        promtool_accepts(await one.metrics())
        for before, after in pairwise(seen):
            assert {name: (value, after[name]) for name, value in before.items() if after[name] < value} == {}
    records = [record for record in one.records if record.target == "vllm"]
    assert {record.outcome for record in one.records} == {"ok"}
    assert len({record.request_id for record in one.records}) == len(one.records) == len(one.engine.chats)
    assert not [event for event in one.events if isinstance(event, Skip)]
    assert seen[-1][own.PROBES.name] <= len(records)


def kept(seen: Scrape) -> dict[str, float]:
    """The counters of the target that is always there, but for those of histograms that the storm divides anew."""
    anew = {own.E2E.name}
    found = {}
    for metric in own.CATALOGUE:
        if TARGET in metric.labels and metric.type != "gauge" and metric.name not in anew and own.SLO not in metric.labels:
            name = metric.count if metric.type == "histogram" else metric.name
            found[metric.name] = seen.value(name, target="vllm") or 0.0
    return found


async def test_every_chat_is_counted_once_while_targets_come_and_go(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        with_other = configuration(one.engine.url, extra=f'  other: {{backend: vllm, url: "{one.engine.url}", model: tiny}}')
        for _ in range(10):
            await one.reload(with_other)
            chats = len(one.engine.chats)
            await eventually(lambda before=chats: len(one.engine.chats) > before)  # type: ignore[misc]
            await one.reload(configuration(one.engine.url))
        await eventually(lambda: len(one.records) > 20)
        one.engine.finish.clear()
        await eventually(lambda: len(one.engine.chats) > len(one.records))
        one.engine.finish.set()
        await eventually(lambda: len(one.engine.chats) == len(one.records))
        counted = (await one.scrape()).one(own.PROBES.name, **CHAT)
        assert counted == pytest.approx(len([record for record in one.records if record.target == "vllm"]), abs=2)


async def test_a_bad_configuration_changes_nothing_and_a_good_one_after_it_recovers(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        before = await one.scrape()
        assert before.one(own.RELOAD_SUCCESSFUL.name) == 1
        status, answer = await one.reload(configuration(one.engine.url, scenario="rate: often"))
        assert status == 500
        assert "stays in force" in answer
        assert f"{one.file}:" in answer
        assert "scenarios.steady.rate" in answer
        seen = await one.scrape()
        assert seen.one(own.RELOAD_SUCCESSFUL.name) == 0
        assert seen.one(own.RELOAD_TIMESTAMP.name) == before.one(own.RELOAD_TIMESTAMP.name)
        await eventually(lambda: len(one.records) > 5)
        assert await one.reload(configuration(one.engine.url)) == (200, "reloaded\n")
        seen = await one.scrape()
        assert seen.one(own.RELOAD_SUCCESSFUL.name) == 1
        assert (seen.one(own.RELOAD_TIMESTAMP.name) or 0) > (before.one(own.RELOAD_TIMESTAMP.name) or 0)


async def test_the_answer_says_what_changed_and_which_histograms_begin_anew(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        other = f'  other: {{backend: vllm, url: "{one.engine.url}", model: tiny}}'
        status, answer = await one.reload(
            configuration(one.engine.url, extra=other, slos="{fast: {scenario: steady, ttft: 123ms, objective: 99%}}").replace(":0", ":1")
        )
        assert status == 200
        lines = answer.splitlines()
        assert lines[0] == "reloaded"
        assert any("other" in line for line in lines)
        assert any("fast" in line for line in lines)
        assert any("web.listen" in line for line in lines)
        assert "chatprobe_ttft_seconds begins anew: SLO thresholds changed its bucket boundaries" in lines
        async with aiohttp.ClientSession() as session, session.get(f"http://{one.address}/config") as response:
            assert "123ms" in await response.text()


async def test_a_secret_that_is_rotated_is_used_without_a_reload_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.05)
    key = tmp_path / "key"
    key.write_text("old-key")
    async with scene(tmp_path, lambda url: configuration(url, target=", api_key: {file: key}"), watch=True) as one:
        await eventually(lambda: bool(one.records))
        assert one.engine.keys == {"Bearer old-key"}
        counted = (await one.scrape()).one(own.PROBES.name, **CHAT)
        key.write_text("new-key")
        await eventually(lambda: "Bearer new-key" in one.engine.keys)
        assert ((await one.scrape()).one(own.PROBES.name, **CHAT) or 0) > (counted or 0)
        key.unlink()
        await eventually(lambda: len(one.records) > 40)
        await one.until_scraped(0, own.RELOAD_SUCCESSFUL.name)
        records = len(one.records)
        await eventually(lambda: len(one.records) > records + 5)


async def test_a_changed_file_is_loaded_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.05)
    async with scene(tmp_path, watch=True) as one:
        one.file.write_text(configuration(one.engine.url, extra=f'  other: {{backend: vllm, url: "{one.engine.url}", model: tiny}}'))
        await eventually(lambda: any(record.target == "other" for record in one.records))


async def test_a_reload_by_hand_that_is_undone_on_disk_does_not_stay_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.05)
    (tmp_path / "chatprobe.yaml").symlink_to("first.yaml")
    async with scene(tmp_path, watch=True) as one:
        (tmp_path / "second.yaml").write_text(configuration(one.engine.url).replace("steady", "other"))
        one.file.unlink()
        one.file.symlink_to("second.yaml")
        assert "scenarios added: other" in (await one.reload_as_it_is())[1]
        one.file.unlink()
        one.file.symlink_to("first.yaml")
        await eventually(lambda: "steady" in one.running.reloading.plan.roster.config.scenarios)


async def test_a_reload_that_leaves_a_secret_out_or_names_another_is_not_followed_by_one_that_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Iterable[str]] = []

    def looked(paths: Iterable[str]) -> Signatures:
        looks.append(paths)
        return signatures(paths)

    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("exporter.watching.signatures", looked)
    for name in ("key", "other"):
        (tmp_path / name).write_text("a-key")
    with capture_logs() as logs:
        async with scene(tmp_path, lambda url: configuration(url, target=", api_key: {file: key}"), watch=True) as one:
            for target in (", api_key: {file: other}", ""):
                reloads = len(reloaded(logs))
                one.file.write_text(configuration(one.engine.url, target=target))
                await eventually(lambda before=reloads: len(reloaded(logs)) > before)  # type: ignore[misc]
                looked_at = len(looks)
                await eventually(lambda before=looked_at: len(looks) >= before + 10)  # type: ignore[misc]
    assert [line["changes"] for line in reloaded(logs)] == ["targets changed: vllm", "targets changed: vllm"]


def reloaded(logs: list[EventDict]) -> list[EventDict]:
    return [line for line in logs if line["event"] == "configuration reloaded"]


async def test_what_is_wrong_with_discovery_is_in_the_answer_to_a_reload_on_the_page_and_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("targets: {found: {backend")
    (tmp_path / "fine.yaml").write_text("targets: {unwatched: {backend: vllm, url: http://127.0.0.1:9}}")
    with capture_logs() as logs:
        async with scene(tmp_path, lambda url: configuration(url)) as one:
            more = 'discovery: {files: ["broken.yaml", "fine.yaml", "later/*.yaml"]}'
            status, answer = await one.reload(configuration(one.engine.url, scenario="rate: 20/s, targets: [vllm]", more=more))
            assert status == 200
            lines = answer.splitlines()
            problem = f"{tmp_path / 'broken.yaml'}:1:"
            assert any(line.startswith(problem) for line in lines), answer
            assert f"discovery.files: {tmp_path}/later/*.yaml matches no file now; mend it, unless the file is to come later" in lines
            assert "discovered, and in no scenario: unwatched; name them in targets of one, or leave its targets out" in lines
            assert [line["advice"] for line in logs if "advice" in line] == lines[-2:]
            assert [(line["added"], line["now"]) for line in logs if line["event"] == "targets discovered"] == [("unwatched", 1)]
            assert f"Discovery of targets: {problem}" in await one.page()
            assert (await one.scrape()).one(own.TARGETS.name, source="files") == 1
            (tmp_path / "broken.yaml").write_text("targets: {}")
            (tmp_path / "fine.yaml").write_text("targets: {}")
            await one.running.reloading.read_targets()
            assert "Discovery of targets" not in await one.page()
            assert (await one.scrape()).one(own.TARGETS.name, source="files") == 0
    assert [line["problem"].startswith(problem) for line in logs if line["event"].endswith("mended, or it is gone")] == [True]
    assert [line["removed"] for line in logs if "removed" in line] == ["unwatched"]
    assert len([line for line in logs if "advice" in line]) == 2


async def test_a_secret_of_a_file_s_target_that_cannot_be_read_is_told_until_it_can_whatever_a_cluster_does_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key")
    more = 'discovery: {files: ["*.targets"]}\ncredentials: [{host: 127.0.0.1, api_key: {file: key}}]'
    config = parse(configuration("http://own", more=more), str(tmp_path / "chatprobe.yaml")).config
    first = plan(config)
    metrics = Metrics(first.roster, {})
    one = Reloading(first, lambda: Loaded(config, (), ()), metrics.own, FakeClock(), seen=Seen, part=Part, before=Before())
    (tmp_path / "key").unlink()
    (tmp_path / "a.targets").write_text("targets: {found: {backend: vllm, url: http://127.0.0.1:9}}")

    def up() -> float | None:
        return scraped(metrics).one(own.DISCOVERY_UP.name, source="files")

    assert up() == 1
    await one.read_targets()
    assert (up(), one.targets_read.well, len(list(one.troubles()))) == (0, False, 1)
    await one.take_step()
    one.nothing_new()
    assert (up(), one.targets_read.well, len(list(one.troubles()))) == (0, False, 1)
    (tmp_path / "key").write_text("a-key")
    await one.read_targets()
    assert (up(), one.targets_read.well, list(one.troubles())) == (1, True, [])
    assert list(one.plan.roster.members) == ["vllm", "found"]


async def test_the_page_says_that_the_configuration_was_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        await one.reload(configuration(one.engine.url, scenario="rate: often"))
        page = await one.page()
        assert "The configuration was not reloaded, the one before stays in force" in page
        assert "scenarios.steady.rate" in page
        await one.reload(configuration(one.engine.url))
        assert "was not reloaded" not in await one.page()


async def test_discovered_targets_come_and_go_and_a_broken_file_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.05)
    found = tmp_path / "targets"
    found.mkdir()
    key = tmp_path / "key"
    key.write_text("for-discovered")

    def make(url: str) -> str:
        more = 'discovery: {files: ["targets/*.yaml"]}\ncredentials: [{name: "f*", host: 127.0.0.1, api_key: {file: key}}]'
        return configuration(url, more=more)

    async with scene(tmp_path, make) as one:
        (found / "a.yaml").write_text(f'targets: {{found: {{backend: vllm, url: "{one.engine.url}", model: tiny}}}}')
        await eventually(lambda: any(record.target == "found" for record in one.records))
        assert "Bearer for-discovered" in one.engine.keys
        seen = await one.scrape()
        assert seen.one(own.TARGETS.name, source="files") == 1
        assert seen.one(own.DISCOVERY_UP.name, source="files") == 1
        (found / "a.yaml").write_text("targets: {found: {backend")
        await one.until_scraped(0, own.DISCOVERY_UP.name, source="files")
        seen = await one.scrape()
        assert seen.one(own.TARGETS.name, source="files") == 1
        counted = seen.value(own.PROBES.name, target="found") or 0
        (found / "a.yaml").write_text(
            f'[{{targets: ["{one.engine.url.removeprefix("http://")}"], labels: {{backend: vllm, name: found, model: tiny}}}}]'
        )
        await one.until_scraped(1, own.DISCOVERY_UP.name, source="files")
        assert ((await one.scrape()).value(own.PROBES.name, target="found") or 0) >= counted
        (found / "a.yaml").unlink()
        await one.until_scraped(None, own.PROBES.name, target="found")


async def test_a_key_that_comes_after_the_configuration_that_names_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.02)
    async with scene(tmp_path, watch=True) as one:
        one.file.write_text(configuration(one.engine.url, target=", api_key: {file: late}"))
        await one.until_scraped(0, own.RELOAD_SUCCESSFUL.name)
        (tmp_path / "late").write_text("late-key")
        await eventually(lambda: "Bearer late-key" in one.engine.keys)
        await one.until_scraped(1, own.RELOAD_SUCCESSFUL.name)


async def test_an_address_that_needs_a_restart_is_told_until_it_is_changed_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        elsewhere = configuration(one.engine.url).replace("127.0.0.1:0", "127.0.0.1:1")
        for _ in range(2):
            assert await one.reload(elsewhere) == (200, "reloaded\nneeds a restart: web.listen\n")
        assert await one.reload(configuration(one.engine.url)) == (200, "reloaded\n")


async def test_what_breaks_in_a_reload_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path) as one:
        with monkeypatch.context() as broken:
            broken.setattr("exporter.reloading.plan", lambda *_, **__: 1 / 0)
            status, answer = await one.reload(configuration(one.engine.url))
        assert status == 500
        assert "ZeroDivisionError" in answer
        records = len(one.records)
        await eventually(lambda: len(one.records) > records)
        assert (await one.reload(configuration(one.engine.url)))[0] == 200


async def test_a_target_that_a_reload_adds_is_asked_for_its_own_metrics_before_its_first_chat(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, engine() as other:
        await one.reload(configuration(one.engine.url, extra=f'  other: {{backend: vllm, url: "{other.url}", model: tiny}}'))
        await eventually(lambda: "chat" in other.order)
        assert other.order[0] == one.engine.order[0] == "metrics"
        assert (await one.scrape()).value("vllm:num_requests_running", target="other") == 0


async def test_a_reload_puts_another_number_of_workers_in_force(tmp_path: Path) -> None:
    async with scene(tmp_path, lambda url: configuration(url, more="workers: 1")) as one:
        await one.until_scraped(1, own.WORKER_UP.name, worker="1")
        status, answer = await one.reload(configuration(one.engine.url, more="workers: 2"))
        assert (status, answer.splitlines()) == (200, ["reloaded", "settings changed: workers"])
        for number in ("1", "2"):
            await one.until_scraped(1, own.WORKER_UP.name, worker=number)
        await one.reload(configuration(one.engine.url, more="workers: 1"))
        await one.until_scraped(None, own.WORKER_UP.name, worker="2")
        seen = await one.scrape()
    assert seen.value(own.WORKER_RESTARTS.name) == 0
    assert seen.value(own.WORKER_LAG.count, worker="2") is None
