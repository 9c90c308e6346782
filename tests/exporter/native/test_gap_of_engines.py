"""The gap over real sockets: chats on the measuring worker with a simulated vLLM, and scrapes of it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from config.reader import parse
from exporter.metrics.families import Families
from exporter.metrics.ledger import Ledger
from exporter.native.gap import Gap
from exporter.native.scrape import Scraper
from exporter.native.windows import SETTLED_AFTER_NS
from probes.ask import Ask, Endpoint, Message
from probes.probing import Prober
from simulator import Latency, Options, simulated
from tests.simulator.raw import CHAT, ask, chat
from traffic.roster import roster
from traffic.schedule import SystemClock

OPTIONS = Options(latency=Latency(first_token_seconds=0.03, decode_seconds=0.002), per_request_metrics=True)
QUESTION = Ask(model="tiny", messages=(Message("user", "Why is the sky blue?"),), max_tokens=3, prompt_id="sky")


async def counted(*, others: int) -> dict[tuple[str, str], float]:
    """What is counted of four chats of ours, two at a time, beside so many of others: by family and basis."""
    registry = CollectorRegistry()
    gap = Gap(Families(registry, {}), Ledger())
    gap.set_targets(roster(parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n").config))
    async with simulated("vllm", OPTIONS) as engine, Prober() as prober, Scraper(SystemClock()) as scraper:
        endpoint = Endpoint("v", "vllm", engine.url)

        async def scrape() -> None:
            gap.add_scrape("v", None, await scraper.metrics(endpoint, f"{engine.url}/metrics", timeout_seconds=5))

        await scrape()
        for _ in range(2):
            for record in await asyncio.gather(*(prober.chat(endpoint, QUESTION, scenario="beat") for _ in range(2))):
                gap.count_chat(record)
        for _ in range(others):
            await ask(engine.url, "POST", CHAT, chat(3))
        await asyncio.sleep(SETTLED_AFTER_NS / 1e9 + 0.02)  # the margin is on the clock of the chats themselves
        await scrape()
        await scrape()
    samples = [(sample, dict(sample.labels)) for family in registry.collect() for sample in family.samples]
    return {(sample.name, labels["basis"]): sample.value for sample, labels in samples}


async def test_both_bases_agree_on_chats_that_nobody_disturbed() -> None:
    found = await counted(others=0)
    for basis in ("request", "window"):
        client, engine = (found[f"chatprobe_gap_{side}_ttft_seconds_total", basis] for side in ("client", "engine"))
        assert found["chatprobe_gap_chats_total", basis] == 4
        assert 0.03 * 4 < engine < client
    engines = [found["chatprobe_gap_engine_ttft_seconds_total", basis] for basis in ("request", "window")]
    assert engines[0] == pytest.approx(engines[1])


async def test_one_request_of_another_leaves_only_what_the_chats_carry_themselves() -> None:
    found = await counted(others=1)
    assert {basis for _, basis in found} == {"request"}
    assert found["chatprobe_gap_chats_total", "request"] == 4
