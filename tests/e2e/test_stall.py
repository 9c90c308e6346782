"""An engine that stalls, under an open loop and a closed one: what was due meanwhile is never omitted where the load does not wait."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from catalogue import own
from config.model import Config
from config.reader import parse
from exporter.exporting import exporting
from probes.record import ChatRecord
from tests.exporter.scrape import Scrape, read
from tests.exporter.test_exporting import get
from traffic.events import Event, Skip, SkipReason

RATE = 20
STALL_SECONDS = 4
CAP = 15


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A simulated vLLM as a process of its own, so that it can be stopped."""
    options = ("--answer-tokens", "5", "--decode-ms", "5", "--max-batch", "512", "--kv-blocks", "65536")
    process = await asyncio.create_subprocess_exec(*(sys.executable, "-m", "cli", "simulate", "vllm", *options), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
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


async def test_an_open_loop_omits_nothing_of_a_stall_and_a_closed_one_does() -> None:
    events: dict[str, list[Event]] = {"capped": [], "wide": [], "closed": []}
    seen: dict[str, Scrape] = {}
    async with engine() as (url, process), AsyncExitStack() as stack:
        running = {
            name: await stack.enter_async_context(exporting(configured(url, load, cap), sinks=[events[name].append]))
            for name, load, cap in (
                ("capped", f"rate: {RATE}/s", CAP),
                ("wide", f"rate: {RATE}/s", 1000),
                ("closed", "users: 10, think_time: 400ms, ramp_up: 400ms", 1000),
            )
        }
        await asyncio.sleep(2)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(STALL_SECONDS)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(2)
        for name, one in running.items():
            seen[name] = read((await get(one.address, "/metrics"))[1])

    due = RATE * STALL_SECONDS
    waited = {name: sum((record.ttft_seconds or 0) > 0.5 for record in found if isinstance(record, ChatRecord)) for name, found in events.items()}
    skipped = {name: Counter(event.reason for event in found if isinstance(event, Skip)) for name, found in events.items()}

    assert skipped["wide"] == skipped["closed"] == {}
    assert due * 0.7 < waited["wide"] <= due * 1.3
    answered, quick = (seen["wide"].value(name, **labels) or 0 for name, labels in ((own.TTFT.count, {}), (own.TTFT.bucket, {"le": "0.5"})))
    assert answered - quick >= due * 0.7

    assert skipped["capped"].keys() == {SkipReason.TARGET_BUSY}
    assert waited["capped"] <= CAP * 1.3  # a busy machine has one or two wait right after the stall
    assert waited["capped"] + skipped["capped"][SkipReason.TARGET_BUSY] > due * 0.7
    bad = (seen["capped"].value(own.SLO_TOTAL.name) or 0) - (seen["capped"].value(own.SLO_GOOD.name) or 0)
    assert bad >= due * 0.7

    assert waited["closed"] <= 10 * 1.3
