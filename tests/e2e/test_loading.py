"""A model that loads for longer than any chat waits: it is loaded once, for nobody's loss, and the target loads, and is not slow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from catalogue import own
from config.quantities import Address
from config.reader import parse
from exporter.exporting import exporting
from probes.failure import Reason
from probes.record import ChatRecord
from simulator import Latency, Options, Simulator, simulated
from tests.exporter.scrape import Scrape
from tests.exporter.test_exporting import get, scraped
from tests.waiting import eventually
from traffic.events import Event, Skip, SkipReason

LOAD_SECONDS = 1.5
COLD = Options(loaded=False, load_seconds=LOAD_SECONDS, latency=Latency(decode_seconds=0.001))
CONFIGURATION = """
web: {{listen: "127.0.0.1:0"}}
targets: {{ollama: {{backend: ollama, url: "{url}", model: tiny, load_model: true}}}}
scenarios: {{chats: {{rate: 5/s, prompt: {{text: Hello}}, max_tokens: 2, timeout: 60s, first_token_timeout: 500ms}}}}
slos: {{quick: {{scenario: chats, ttft: 30s, objective: 99%}}}}
"""


@dataclass
class Story:
    """What an exporter told, of an engine that loads."""

    engine: Simulator
    address: Address
    events: list[Event] = field(default_factory=list)

    @property
    def chats(self) -> list[ChatRecord]:
        return [event for event in self.events if isinstance(event, ChatRecord)]

    @property
    def skips(self) -> set[SkipReason]:
        return {event.reason for event in self.events if isinstance(event, Skip)}

    @property
    def loads(self) -> list[bool]:
        """Of each load that the engine began, whether it was thrown away."""
        return [truth.loaded_ns is None for truth in self.engine.truth.chats() if truth.loading_ns is not None]

    async def scraped(self) -> Scrape:
        return await scraped(self.address)

    async def page(self) -> str:
        return (await get(self.address, "/"))[1].decode()


@asynccontextmanager
async def exported(options: Options) -> AsyncIterator[Story]:
    events: list[Event] = []
    async with simulated("ollama", options) as engine:
        config = parse(CONFIGURATION.format(url=engine.url)).config
        async with exporting(config, sinks=[events.append], grace_seconds=0) as exporter:
            yield Story(engine, exporter.address, events)


async def test_it_is_loaded_once_though_no_chat_would_wait_so_long() -> None:
    async with exported(COLD) as story:
        await eventually(lambda: SkipReason.LOADING in story.skips)
        during = await story.scraped()
        page = await story.page()
        await eventually(lambda: len(story.chats) >= 3)
        after = await story.scraped()
        assert story.loads == [False]
    assert during.value(own.MODEL_LOADING.name, target="ollama") == 1
    assert "Its engine loads the model." in page
    assert story.skips == {SkipReason.LOADING}
    assert {chat.outcome for chat in story.chats} == {"ok"}
    assert all(chat.load is None for chat in story.chats)
    assert after.value(own.MODEL_LOADING.name, target="ollama") == 0
    assert after.value(own.MODEL_LOAD.count, target="ollama") == 1
    assert (after.value(own.MODEL_LOAD.sum, target="ollama") or 0) >= LOAD_SECONDS
    assert (after.value(own.SLO_TOTAL.name, target="ollama") or 0) >= 3
    assert after.value(own.SLO_TOTAL.name, target="ollama") == after.value(own.SLO_GOOD.name, target="ollama")


async def test_a_load_that_fails_is_a_failure_in_the_engine_s_words() -> None:
    async with exported(Options(loaded=False, load_seconds=0.01, faults=("load-failure",))) as story:
        await eventually(lambda: SkipReason.LOAD_FAILED in story.skips)
        seen = await story.scraped()
        assert story.loads == [True]
    (chat,) = story.chats
    assert chat.failure is not None
    assert (chat.reason, chat.sent_ns) == (Reason.MODEL_LOAD, None)
    assert "unable to allocate CPU buffer" in chat.failure.detail
    assert seen.value(own.MODEL_LOAD_FAILURES.name, target="ollama", reason="refused") == 1
    assert seen.value(own.MODEL_LOAD.count, target="ollama") == 0
    assert seen.value(own.SLO_GOOD.name, target="ollama") == 0
    assert (seen.value(own.SLO_TOTAL.name, target="ollama") or 0) >= 2
