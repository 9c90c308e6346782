"""Each preset against the three simulated engines: every scenario chats with every target, and all goes well."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from config.reader import parse
from config.starters import PRESETS, starter
from exporter.exporting import exporting
from probes.record import ChatRecord
from simulator import Latency, Options, simulated
from tests.waiting import PATIENCE_SECONDS
from traffic.events import Event, Skip, SkipReason

USUAL = {"vllm": "http://127.0.0.1:8000", "tgi": "http://127.0.0.1:8080", "ollama": "http://127.0.0.1:11434"}
FAST = Options(latency=Latency(decode_seconds=0.005, batch_slowdown=0.0), answer_tokens=30, slots=64)


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_preset_runs(preset: str) -> None:
    text = starter(preset)
    async with AsyncExitStack() as stack:
        for engine, usual in USUAL.items():
            running = await stack.enter_async_context(simulated(engine, FAST))
            assert usual in text
            text = text.replace(usual, running.url)
        config = parse(f'web: {{listen: "127.0.0.1:0"}}\n{text}').config
        wanted = {(target, scenario) for target in config.targets for scenario in config.scenarios}
        events: list[Event] = []
        chatted = asyncio.Event()

        def note(event: Event) -> None:
            events.append(event)
            if {(record.target, record.scenario) for record in events if isinstance(record, ChatRecord)} == wanted:
                chatted.set()

        async with exporting(config, sinks=[note]):
            await asyncio.wait_for(chatted.wait(), PATIENCE_SECONDS)
    assert {record.outcome for record in events if isinstance(record, ChatRecord)} == {"ok"}
    skipped = {event.reason for event in events if isinstance(event, Skip)}
    assert skipped <= {SkipReason.MISSED}, "but for those of a busy machine"


def test_the_stress_test_goes_up_to_a_hundred_users() -> None:
    config = parse(starter("stress-test")).config
    assert config.scenarios["users"].users == 50
    assert max(stage.users or 0 for stage in config.scenarios["waves"].stages or ()) == 100
