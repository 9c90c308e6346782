from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from catalogue import own, unified
from config.model import Config
from config.reader import parse
from exporter.assembly import Metrics
from exporter.native.cycle import Keepers, Natives
from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.loads import Loads
from exporter.native.scrape import Scraped
from probes.ask import Endpoint
from probes.numbers.loaded import LoadedModel
from tests.exporter.chats import chat
from tests.exporter.native.recorded import numbers, page
from tests.exporter.scrape import Scrape, scrape
from tests.traffic.fakes import FakeClock, settle
from tests.waiting import PATIENCE_SECONDS
from traffic.events import Facts
from traffic.roster import roster

PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny"} 3
# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="tiny"} TOKENS
"""
VLLM = "vllm: {backend: vllm, url: 'http://vllm', model: tiny}"
OLLAMA = "ollama: {backend: ollama, url: 'http://ollama', model: tiny}"
RELAYED = "vllm:num_requests_running"


def config(*targets: str, native: str = "{}") -> Config:
    return parse("targets:\n" + "".join(f"  {target}\n" for target in targets) + f"scenarios: {{beat: {{every: 15s}}}}\nnative: {native}\n").config


@dataclass
class FakeScraper:
    """Gives the page, or fails for the reason that the URL has; a URL that `hangs` waits until it is let go."""

    clock: FakeClock
    page: str = PAGE.replace("TOKENS", "7")
    wrong: dict[str, NativeReason] = field(default_factory=dict)
    hangs: dict[str, asyncio.Event] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    breaks: bool = False

    async def metrics(self, endpoint: Endpoint, url: str, *, timeout_seconds: float) -> Scraped:
        self.asked.append((url, endpoint.api_key))
        await self._wait(url)
        found = page(self.page.encode())
        return Scraped(found.families, numbers("vllm", found.families), self.clock.now_ns, self.clock.now_ns, found.left_out)

    async def loaded_models(self, endpoint: Endpoint, *, timeout_seconds: float) -> tuple[LoadedModel, ...]:
        self.asked.append((endpoint.url, endpoint.api_key))
        await self._wait(endpoint.url)
        return (LoadedModel("tiny", 1e9, 1e9, 4096, None),)

    async def _wait(self, url: str) -> None:
        if self.breaks:
            raise RuntimeError("a bug")
        if url in self.hangs:
            await self.hangs[url].wait()
        if url in self.wrong:
            raise ScrapeError(self.wrong[url], "wrong")


@dataclass
class Scene:
    metrics: Metrics
    natives: Natives
    scraper: FakeScraper
    clock: FakeClock

    def follow(self, settings: Config) -> None:
        listed = roster(settings)
        self.metrics.recording.set_targets(listed)
        self.natives.set_targets(listed, listed.endpoints)

    async def advance(self, seconds: float) -> None:
        """Time goes on, and what the thread has to do is done."""
        for _ in range(round(seconds)):
            await self.clock.advance(1)
            await self.rest()

    async def rest(self) -> None:
        await settle()
        await asyncio.get_running_loop().run_in_executor(self.natives._thread, int)  # behind all that it was given
        await settle()

    def seen(self) -> Scrape:
        return scrape(self.metrics)


@asynccontextmanager
async def scene(settings: Config, hangs: str | None = None) -> AsyncIterator[Scene]:
    clock = FakeClock()
    metrics = Metrics(roster(settings), {})
    scraper = FakeScraper(clock, hangs={hangs: asyncio.Event()} if hangs else {})
    keepers = Keepers(metrics.relay, metrics.unified, metrics.gap, Loads(clock, 15), metrics.ups)
    natives = Natives(scraper, keepers, settings.native, clock)  # type: ignore[arg-type]
    one = Scene(metrics, natives, scraper, clock)
    one.follow(settings)
    await one.rest()
    try:
        yield one
    finally:
        await natives.close()


@pytest.fixture
def _endless_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits in vain for the first round waits longer than the test does."""
    monkeypatch.setattr("exporter.native.cycle.FIRST_ROUND_SECONDS", 2 * PATIENCE_SECONDS)


@pytest.mark.usefixtures("_endless_first_round")
async def test_what_an_engine_tells_is_served_under_its_names_and_ours_from_the_start_on() -> None:
    async with scene(config(VLLM)) as one:
        await asyncio.wait_for(one.natives.first_round(), PATIENCE_SECONDS)
        seen = one.seen()
        assert seen.one(RELAYED, target="vllm", backend="vllm", engine="0", model_name="tiny") == 3
        assert seen.one(unified.REQUESTS_RUNNING.name, target="vllm", backend="vllm", model="tiny") == 3
        assert seen.value(own.NATIVE_UP.name, target="vllm", reason="") == 1
        one.scraper.page = PAGE.replace("TOKENS", "9")
        await one.advance(16)
        assert one.seen().value("vllm:generation_tokens_total") == 9
        assert len(one.scraper.asked) == 2


async def test_the_first_failed_scrape_takes_all_of_it_away_and_says_why() -> None:
    async with scene(config(VLLM, native="{interval: 5s}")) as one:
        for reason in NativeReason:
            one.scraper.wrong["http://vllm/metrics"] = reason
            await one.advance(6)
            seen = one.seen()
            assert seen.value(RELAYED) is None
            assert seen.value(unified.REQUESTS_RUNNING.name) is None
            assert [labels["reason"] for labels in seen.labels(own.NATIVE_UP.name)] == [reason.value]
            assert seen.value(own.NATIVE_UP.name) == 0
        one.scraper.wrong.clear()
        await one.advance(6)
        assert one.seen().value(RELAYED) == 3
        assert one.seen().value(own.NATIVE_UP.name) == 1


async def test_a_page_that_fails_now_and_then_is_a_line_when_that_begins_and_one_when_it_has_ended() -> None:
    with capture_logs() as logs:
        async with scene(config(VLLM, native="{interval: 5s}")) as one:
            for _ in range(10):
                one.scraper.wrong["http://vllm/metrics"] = NativeReason.TIMEOUT
                await one.advance(5)
                one.scraper.wrong.clear()
                await one.advance(10)
            assert [line["event"] for line in logs] == ["an engine's own metrics cannot be read"]
            await one.advance(65)
    assert [line["event"] for line in logs] == ["an engine's own metrics cannot be read", "an engine's own metrics are read again"]


async def test_one_that_hangs_holds_up_no_other_and_not_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.native.cycle.FIRST_ROUND_SECONDS", 0.01)
    settings = config(VLLM, VLLM.replace("vllm: {", "other: {").replace("http://vllm", "http://other"))
    async with scene(settings, hangs="http://other/metrics") as one:
        await asyncio.wait_for(one.natives.first_round(), PATIENCE_SECONDS)
        await one.advance(40)
        asked = [url for url, _ in one.scraper.asked]
        assert asked.count("http://vllm/metrics") in (3, 4)
        assert asked.count("http://other/metrics") == 1
        assert one.seen().value(RELAYED, target="vllm") == 3


def named(*names: str) -> Config:
    return config(*(f"{name}: {{backend: vllm, url: 'http://{name}', model: tiny}}" for name in names), native="{interval: 60s}")


async def test_those_of_many_targets_begin_one_after_the_other() -> None:
    async with scene(named(*(f"engine-{number}" for number in range(100)))) as one:
        begun = []
        for _ in range(3):
            begun.append(len(set(one.scraper.asked)))
            await one.advance(1)
        assert begun == [1, 51, 100]


@pytest.mark.usefixtures("_endless_first_round")
async def test_a_target_that_goes_before_its_first_look_is_not_waited_for() -> None:
    async with scene(named("kept")) as one:
        one.follow(named("kept", "new", "gone"))
        waiting = asyncio.create_task(one.natives.first_round())
        await settle()
        one.follow(named("kept", "new"))
        await asyncio.wait_for(waiting, PATIENCE_SECONDS)
        assert [url for url, _ in one.scraper.asked] == ["http://kept/metrics", "http://new/metrics"]


async def test_what_breaks_in_reading_is_said_and_the_next_scrape_comes() -> None:
    async with scene(config(VLLM)) as one:
        one.scraper.breaks = True
        await one.advance(16)
        assert one.seen().value(own.NATIVE_UP.name, reason="unreadable") == 0
        one.scraper.breaks = False
        await one.advance(16)
        assert one.seen().value(RELAYED) == 3


async def test_replicas_are_read_each_by_itself() -> None:
    two = "vllm: {backend: vllm, url: 'http://vllm', model: tiny, metrics: {urls: ['http://a:8000', 'http://b:8000/metrics']}}"
    async with scene(config(two)) as one:
        await one.advance(1)
        seen = one.seen()
        assert {labels["replica"] for labels in seen.labels(RELAYED)} == {"a:8000", "b:8000"}
        one.scraper.wrong["http://b:8000/metrics"] = NativeReason.UNREACHABLE
        await one.advance(16)
        seen = one.seen()
        assert {labels["replica"] for labels in seen.labels(RELAYED)} == {"a:8000"}
        assert seen.value(own.NATIVE_UP.name, replica="b:8000", reason="unreachable") == 0
        one.follow(config(VLLM))
        await one.rest()
        await one.advance(16)
        seen = one.seen()
        assert [labels.get("replica") for labels in seen.labels(RELAYED)] == [None]
        assert [labels["replica"] for labels in seen.labels(own.NATIVE_UP.name)] == [""]


async def test_what_is_left_out_is_told_of_each_replica_and_forgotten_with_it() -> None:
    two = "vllm: {backend: vllm, url: 'http://vllm', model: tiny, metrics: {urls: ['http://a:8000', 'http://b:8000']}}"
    async with scene(config(two, native="{series_in_all: 2}")) as one:
        await one.advance(1)
        seen = one.seen()
        for replica in ("a:8000", "b:8000"):
            assert seen.value("vllm:generation_tokens_total", replica=replica) == 7
            assert seen.value(own.NATIVE_SERIES_DROPPED.name, target="vllm", replica=replica, reason="budget_in_all") == 1
        one.follow(config(two.replace(", 'http://b:8000'", ", 'http://c:8000'"), native="{series_in_all: 6}"))
        await one.advance(16)
        told = {labels["replica"] for labels in one.seen().labels(own.NATIVE_SERIES_DROPPED.name)}
        assert told == {"a:8000", "c:8000"}
        assert one.seen().value(RELAYED, replica="c:8000") == 3


async def test_buckets_that_nothing_uses_are_told_as_no_warning() -> None:
    with capture_logs() as logs:
        async with scene(config(VLLM)) as one:
            bounds = "".join(f'vllm:iteration_tokens_total_bucket{{le="{bound}"}} 1\n' for bound in (1, 2, "+Inf"))
            one.scraper.page += (
                f"# TYPE vllm:iteration_tokens_total histogram\n{bounds}vllm:iteration_tokens_total_count 1\nvllm:iteration_tokens_total_sum 1\n"
            )
            await one.advance(31)
            assert one.seen().value(own.NATIVE_SERIES_DROPPED.name, target="vllm", reason=own.UNUSED_BUCKET) == 4
    [said] = [line for line in logs if line["event"] == "series of an engine's own metrics are left out"]
    assert (said["log_level"], said["names"], said["series"]) == ("info", ["vllm:iteration_tokens_total"], 2)


async def test_a_target_that_goes_takes_everything_along() -> None:
    async with scene(config(VLLM, OLLAMA)) as one:
        one.natives(chat(target="ollama", backend="ollama"))
        assert one.seen().value(unified.GENERATION_TOKENS.name, target="ollama") is not None
        one.follow(config(OLLAMA))
        await one.rest()
        assert [labels for labels in one.seen().all_labels() if labels.get("target") == "vllm"] == []
        one.follow(config(VLLM))
        one.natives(chat(target="ollama", backend="ollama"))  # was under way
        await one.rest()
        assert [labels for labels in one.seen().all_labels() if labels.get("target") == "ollama"] == []
        assert one.seen().value(RELAYED) == 3


async def test_a_scrape_under_way_of_a_target_that_goes_leaves_nothing_behind() -> None:
    gate = asyncio.Event()
    async with scene(config(VLLM, OLLAMA)) as one:
        one.scraper.hangs = {"http://vllm/metrics": gate, "http://ollama": gate}
        await one.advance(16)
        one.follow(config(VLLM.replace("vllm: {", "other: {").replace("http://vllm", "http://other")))
        gate.set()
        await one.rest()
        assert {labels.get("target") for labels in one.seen().all_labels()} - {None} == {"other"}


async def test_new_keys_are_used_and_what_goes_on_keeps_its_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "new")
    async with scene(config(VLLM)) as one:
        await one.advance(16)
        before = len(one.scraper.asked)
        one.follow(config(VLLM.replace("model: tiny", "model: tiny, api_key: {env: KEY}")))
        await one.rest()
        assert len(one.scraper.asked) == before
        await one.advance(15)
        assert [key for _, key in one.scraper.asked] == [*[None] * before, "new"]


async def test_where_the_model_becomes_known_it_is_read_again_at_once() -> None:
    async with scene(config(VLLM.replace(", model: tiny", ""))) as one:
        assert {labels["model"] for labels in one.seen().labels(unified.REQUESTS_RUNNING.name)} == {"unknown"}
        one.natives(Facts("vllm", "tiny"))
        await one.rest()
        seen = one.seen()
        assert {labels["model"] for labels in seen.labels(unified.REQUESTS_RUNNING.name)} == {"tiny"}
        assert {labels["model"] for labels in seen.labels(own.NATIVE_UP.name)} == {"tiny"}
        one.natives(Facts("vllm", "tiny", served_model="tiny"))
        await one.rest()
        assert len(one.scraper.asked) == 2


async def test_looks_before_their_time_push_no_later_one_away() -> None:
    async with scene(config(VLLM)) as one:
        for number in range(4):
            one.natives(Facts("vllm", f"model-{number}"))
            await one.advance(1)
        asked = len(one.scraper.asked)
        await one.advance(15)
        assert len(one.scraper.asked) == asked + 1


async def test_a_shorter_interval_holds_at_once() -> None:
    async with scene(config(VLLM, native="{interval: 10m}")) as one:
        one.follow(config(VLLM, native="{interval: 2s}"))
        await one.rest()
        asked = len(one.scraper.asked)
        await one.advance(10)
        assert len(one.scraper.asked) - asked == 5


async def test_another_backend_under_the_same_name_begins_anew() -> None:
    async with scene(config(OLLAMA)) as one:
        one.natives(chat(target="ollama", backend="ollama"))
        one.follow(config(OLLAMA.replace("backend: ollama", "backend: vllm")))
        one.natives(chat(target="ollama", backend="ollama"))  # was under way
        await one.rest()
        natives = [labels for name in one.seen().names if name.startswith("chatprobe_native") for labels in one.seen().labels(name)]
        assert {labels["backend"] for labels in natives} == {"vllm"}


async def test_relaying_can_be_switched_off_and_a_target_left_alone() -> None:
    async with scene(config(VLLM, native="{relay: false}")) as one:
        seen = one.seen()
        assert seen.value(RELAYED) is None
        assert seen.value(unified.REQUESTS_RUNNING.name) == 3
    async with scene(config(VLLM.replace("model: tiny", "model: tiny, metrics: false"))) as one:
        await one.advance(20)
        assert one.scraper.asked == []
        assert one.seen().value(own.NATIVE_UP.name) is None
        one.follow(config(VLLM))
        await one.rest()
        assert one.seen().value(own.NATIVE_SERIES_DROPPED.name) == 0
        one.follow(config(VLLM.replace("model: tiny", "model: tiny, metrics: false")))
        await one.rest()
        assert [name for name in one.seen().names if name.startswith(("vllm:", "chatprobe_native", "chatprobe_exporter_native"))] == []


async def test_ollama_is_asked_what_it_has_in_memory() -> None:
    async with scene(config(OLLAMA)) as one:
        assert one.seen().value(unified.MODEL_MEMORY.name, target="ollama") == 1e9
        one.scraper.wrong["http://ollama"] = NativeReason.TIMEOUT
        await one.advance(16)
        seen = one.seen()
        assert seen.value(unified.MODEL_MEMORY.name) is None
        assert seen.value(own.NATIVE_UP.name, target="ollama", reason="timeout") == 0


async def test_what_is_left_out_is_counted_at_each_scrape_and_logged_once() -> None:
    with capture_logs() as logs:
        async with scene(config(VLLM, native="{series_per_replica: 1}")) as one:
            one.scraper.page = PAGE.replace("TOKENS", "7") + "vllm:a{ 1\nvllm:b one\n"
            await one.advance(31)
            seen = one.seen()
            one.scraper.page += "vllm:c\n"
            await one.advance(15)
    assert seen.value(own.NATIVE_UP.name, target="vllm", reason="") == 1
    assert seen.value(own.NATIVE_SERIES_DROPPED.name, target="vllm", reason="unreadable") == 4
    assert seen.value(own.NATIVE_SERIES_DROPPED.name, target="vllm", reason="budget") == 3
    said = [line for line in logs if line["event"] == "series of an engine's own metrics are left out"]
    assert [(line["target"], line["reason"], line["series"], line["names"]) for line in said] == [
        ("vllm", "budget", 1, ["vllm:num_requests_running"]),
        ("vllm", "unreadable", 2, ["vllm:a", "vllm:b"]),
        ("vllm", "unreadable", 3, ["vllm:c"]),
    ]
    assert all(line["log_level"] == "warning" and line["detail"] for line in said)
