"""Engines that are asked at the same instant, and shown while they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bench.race.holding import Race
from config.model import Limits
from config.scenario import Scenario
from probes.ask import Endpoint
from probes.control import Control
from probes.probing import Prober
from probes.prompts import Named
from simulator import Latency, Options, simulated
from tests.processes import free_port
from tests.waiting import eventually
from traffic.conversation import Prompts
from traffic.events import Event, SkipReason

SCENARIO = Scenario.model_validate({"users": 1, "max_tokens": 40})
FAST = Options(latency=Latency(decode_seconds=0.005), answer_tokens=2000)
SLOW = Options(latency=Latency(decode_seconds=0.02), answer_tokens=2000)
UNLOADED = Options(loaded=False, answer_tokens=20)


@asynccontextmanager
async def racing(prober: Prober, events: list[Event], scenario: Scenario = SCENARIO, **engines: Options | None) -> AsyncIterator[Race]:
    """A race of these engines; None stands for one that is not there."""
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(Control())
        endpoints = {}
        for name, options in engines.items():
            url = f"http://127.0.0.1:{free_port()}" if options is None else (await stack.enter_async_context(simulated(name, options))).url
            endpoints[name] = Endpoint(name, name, url)
        race = Race("race", scenario, endpoints, Limits(), prober, control, events.append)
        stack.push_async_callback(race.close)
        await race.ready()
        yield race


def said() -> Prompts:
    return Prompts(Named("short-question"), "cold", 1)


async def test_all_answer_one_prompt_at_one_instant_and_the_lanes_show_the_records() -> None:
    events: list[Event] = []
    async with Prober() as prober, racing(prober, events, vllm=FAST, tgi=SLOW) as race:
        script = said()
        for _ in range(2):
            pair = await race.hold(script, script.next())
        assert pair is not None
        records = {side.target: side.record for side in pair.sides}
        for name, lane in race.lanes.items():
            record = records[name]
            assert record is not None
            assert lane.figures is not None
            assert (lane.text, lane.ttft_seconds, lane.model) == (record.text, record.ttft_seconds, "tiny")
            assert lane.tokens == record.output_tokens == 40
            assert record.pair_id == pair.pair_id
        sent = [record.sent_ns for record in records.values() if record is not None and record.sent_ns is not None]
        assert max(sent) - min(sent) < 1_000_000_000
        assert {record.prompt_id for record in records.values() if record is not None} == {"short-question/2"}


async def test_an_answer_is_seen_before_it_is_over() -> None:
    async with Prober() as prober, racing(prober, [], vllm=Options(latency=Latency(decode_seconds=0.1), answer_tokens=2000)) as race:
        script = said()
        holding = asyncio.create_task(race.hold(script, script.next()))
        lane = race.lanes["vllm"]
        await eventually(lambda: lane.tokens >= 3)
        assert lane.figures is None
        assert lane.text
        race.stop()
        assert await holding is None
        assert lane.figures is not None
        assert lane.figures.trouble == "cut off"


async def test_one_that_is_not_there_and_one_that_would_load_its_model_are_told() -> None:
    async with Prober() as prober, racing(prober, [], vllm=FAST, tgi=None, ollama=UNLOADED) as race:
        script = said()
        pair = await race.hold(script, script.next())
        assert pair is not None
        assert {side.target: side.skip for side in pair.sides if side.skip} == {"ollama": SkipReason.MODEL_NOT_LOADED}
        troubles = {name: lane.figures.trouble for name, lane in race.lanes.items() if lane.figures is not None}
        assert troubles["vllm"] == ""
        assert troubles["tgi"].startswith("failed: connect")
        assert troubles["ollama"] == "not asked: its model is not in memory, and nobody allowed to load it"


async def test_what_is_held_unseen_leaves_the_lanes_as_they_are() -> None:
    async with Prober() as prober, racing(prober, [], vllm=FAST) as race:
        script = said()
        await race.hold(script, script.next())
        lane = race.lanes["vllm"]
        before = (lane.text, lane.figures)
        pair = await race.hold_unseen(script, script.next())
        assert pair is not None
        assert (lane.text, lane.figures) == before
        [side] = pair.sides
        assert side.record is not None
        assert side.record.prompt_id == "short-question/2"
