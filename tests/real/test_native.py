"""Against a real engine: its own metrics beside ours, and the gap between what the client saw and what the engine says."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from catalogue import own
from config.model import Config
from config.quantities import Address
from config.reader import Loaded, parse
from exporter.exporting import exporting
from probes.record import ChatRecord
from tests.exporter.scrape import Scrape, promtool_accepts, read
from tests.exporter.test_exporting import get
from tests.real.engines import Running
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Event

pytestmark = pytest.mark.real

CHATS = 100
BUSY, RESTING = "users: 8", "stages: [{users: 0, for: 1h}, {users: 1}]"
ROUNDS = 5
CHATS_A_ROUND = 8
CLOSE_SECONDS = 0.02


def described(engine: Running, text: str) -> dict[str, str]:
    """The type of each of the engine's families that a text declares, but for the `_created` ones."""
    (prefix,) = engine.engine.metrics.prefixes
    declared = (line.split() for line in text.splitlines() if line.startswith(f"# TYPE {prefix}"))
    return {name: kind for _, _, name, kind in declared if not name.endswith("_created")}


def by_hand(text: str, *names: str) -> float:
    """The sum of the samples of these names in the raw text."""
    beginnings = tuple(f"{name}{end}" for name in names for end in (" ", "{"))
    lines = [line for line in text.splitlines() if line.startswith(beginnings)]
    assert lines, f"the engine has no {names}"
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def settings(engine: Running, load: str, max_tokens: int = 16, interval: str = "1700ms") -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0"}}
    targets: {{engine: {{backend: {engine.backend}, url: "{engine.url}"}}}}
    scenarios: {{chats: {{{load}, prompt: short-question, max_tokens: {max_tokens}}}}}
    native: {{interval: {interval}, timeout: 1s, buckets: all}}
    """).config


async def told_while_idle(engine: Running, address: Address) -> tuple[str, Scrape, str]:
    """The engine's own text, and our scrape with its text, of a time in which nothing changed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            before = engine.page()
            await asyncio.sleep(4)  # two native scrapes
            body = (await get(address, "/metrics"))[1]
            if resting(engine, engine.page()) == resting(engine, before):
                return before, read(body), body.decode()


def resting(engine: Running, text: str) -> list[str]:
    return [line for line in own_lines(engine, text) if not line.startswith(engine.engine.restless)]


def own_lines(engine: Running, text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(engine.engine.metrics.prefixes)]


@pytest.mark.prometheus
async def test_every_family_of_the_engine_is_served_and_our_names_have_its_numbers(engine: Running) -> None:
    ended: list[ChatRecord] = []
    busy, resting = (settings(engine, f"{users}, think_time: 10ms, ramp_up: 1s, cache: warm") for users in (BUSY, RESTING))

    def take(event: Event) -> None:
        if isinstance(event, ChatRecord):
            ended.append(event)

    async with exporting(busy, read=lambda: Loaded(resting, (), ()), sinks=[take]) as running:
        await eventually(lambda: len(ended) >= CHATS)
        await running.reloading.reload()
        theirs, seen, ours = await told_while_idle(engine, running.address)

    assert {record.outcome for record in ended} == {"ok"}
    served, declared = described(engine, ours), described(engine, theirs)
    with_series = {name for name in declared if any(line.startswith(name) for line in own_lines(engine, theirs))}
    denied = engine.engine.metrics.denied
    assert {name for name in with_series if served.get(name) != declared[name]} <= set(denied)
    relayable = [line for line in own_lines(engine, theirs) if "_created" not in line and not line.startswith(denied)]
    assert len(own_lines(engine, ours)) == len(relayable) >= engine.engine.least_series
    for name, of_engine in engine.engine.native.items():
        assert seen.value(name, target="engine") == pytest.approx(by_hand(theirs, *of_engine), rel=1e-9), name
    assert seen.value(own.NATIVE_UP.name) == 1
    promtool_accepts(ours.encode())


async def test_the_gap_is_small_and_positive(engine: Running) -> None:
    """Over windows in which all of the engine's requests were ours; each round has its own sums.

    A window counts if no chat is open at either end. Of chats each 500 ms and windows a little longer than three of them that is so many times in
    a row, and seldom not.
    """
    if engine.engine.ttft_seconds is None or not engine.engine.tells_its_start:
        pytest.skip(f"{engine.backend} does not tell both its times to first token and when its process began")
    gaps: list[float] = []
    async with exporting(settings(engine, "rate: 2/s", max_tokens=4, interval="1520ms")) as running:
        before = await sums(running.address, CHATS_A_ROUND)
        for _ in range(ROUNDS):
            after = await sums(running.address, before[0] + CHATS_A_ROUND)
            chats, client, engines = (now - then for now, then in zip(after, before, strict=True))
            gaps.append((client - engines) / chats)
            before = after
    assert 0 < statistics.median(gaps) < CLOSE_SECONDS, gaps


async def sums(address: Address, least: float) -> tuple[float, float, float]:
    """Chats, the client's seconds and the engine's, of windows so far, once they have so many chats at least."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = read((await get(address, "/metrics"))[1])
            told = (own.GAP_CHATS, own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT)
            chats, client, engine = (seen.value(metric.name, basis="window") or 0.0 for metric in told)
            if chats >= least:
                return chats, client, engine
            await asyncio.sleep(0.5)
