"""An engine that stalls, under an open loop and a closed one: what was due meanwhile is never omitted where the load does not wait."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from math import inf

from catalogue import own
from config.model import Config
from config.reader import parse
from exporter.exporting import exporting
from probes.record import ChatRecord
from tests.exporter.scrape import Scrape, read
from tests.exporter.test_exporting import get
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Event, Skip, SkipReason

RATE = 20
STALL_SECONDS = 4
CAP = 15
USERS = 10
QUICK_SECONDS = 0.5


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A simulated vLLM as a process of its own, so that it can be stopped."""
    options = ("--answer-tokens", "5", "--decode-ms", "5", "--max-batch", "512", "--kv-blocks", "65536")
    process = await asyncio.create_subprocess_exec(*(sys.executable, "-m", "cli", "simulate", "vllm", *options), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := [word for word in (await process.stdout.readline()).decode().split() if word.startswith("http://")]):
                pass
        yield found[0].rstrip("/"), process
    finally:
        process.kill()
        await process.wait()


def configured(url: str, load: str, cap: int) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0"}}
    targets: {{vllm: {{backend: vllm, url: "{url}"}}}}
    scenarios: {{chats: {{{load}, prompt: {{text: Hello}}, max_tokens: 5}}}}
    slos: {{quick: {{scenario: chats, ttft: 500ms, objective: 99%}}}}
    limits: {{streams: 1000, streams_per_target: {cap}}}
    """).config


@dataclass
class Story:
    """What an exporter tells, and of it what began while the engine stood still."""

    events: list[Event] = field(default_factory=list)
    began: float = inf
    ended: float = inf

    @property
    def chats(self) -> list[ChatRecord]:
        return [event for event in self.events if isinstance(event, ChatRecord)]

    @property
    def waited(self) -> int:
        return sum(self._within(chat.started_at) and (chat.ttft_seconds or 0) > QUICK_SECONDS for chat in self.chats)

    @property
    def skipped(self) -> Counter[SkipReason]:
        """All the time."""
        found: Counter[SkipReason] = Counter()
        for event in self.events:
            if isinstance(event, Skip):
                found[event.reason] += event.count
        return found

    @property
    def due(self) -> float:
        """How many chats are due at the rate while it stands still, but for those that a busy machine misses then."""
        missed = [event for event in self.events if isinstance(event, Skip) and event.reason is SkipReason.MISSED and self._within(event.at)]
        return RATE * (self.ended - self.began) - sum(event.count for event in missed)

    @property
    def after(self) -> int:
        """Chats that began later and have ended: by then, those that waited have ended long since."""
        return sum(chat.started_at >= self.ended for chat in self.chats)

    def _within(self, at: float) -> bool:
        return self.began <= at < self.ended


async def test_an_open_loop_omits_nothing_of_a_stall_and_a_closed_one_does() -> None:
    stories = {"capped": Story(), "wide": Story(), "closed": Story()}
    capped, wide, closed = stories.values()
    seen: dict[str, Scrape] = {}
    async with engine() as (url, process), AsyncExitStack() as stack:
        running = {
            name: await stack.enter_async_context(exporting(configured(url, load, cap), sinks=[stories[name].events.append]))
            for name, load, cap in (
                ("capped", f"rate: {RATE}/s", CAP),
                ("wide", f"rate: {RATE}/s", 1000),
                ("closed", f"users: {USERS}, think_time: 400ms, ramp_up: 400ms", 1000),
            )
        }
        await eventually(lambda: all(len(story.chats) > USERS for story in stories.values()))
        began = time.time()
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(STALL_SECONDS)
        ended = time.time()
        process.send_signal(signal.SIGCONT)
        for story in stories.values():
            story.began, story.ended = began, ended
        await eventually(lambda: all(story.after > RATE for story in stories.values()))
        for name, one in running.items():
            seen[name] = read((await get(one.address, "/metrics"))[1])

    assert wide.skipped.keys() | closed.skipped.keys() <= {SkipReason.MISSED}
    assert wide.due * 0.7 < wide.waited <= wide.due * 1.3
    answered, quick = (seen["wide"].value(name, **labels) or 0 for name, labels in ((own.TTFT.count, {}), (own.TTFT.bucket, {"le": "0.5"})))
    assert answered - quick >= wide.due * 0.7

    assert capped.skipped.keys() - {SkipReason.MISSED} == {SkipReason.TARGET_BUSY}
    assert capped.waited <= CAP
    assert capped.waited + capped.skipped[SkipReason.TARGET_BUSY] > capped.due * 0.7
    bad = (seen["capped"].value(own.SLO_TOTAL.name) or 0) - (seen["capped"].value(own.SLO_GOOD.name) or 0)
    assert bad >= capped.due * 0.7

    assert closed.waited <= USERS
