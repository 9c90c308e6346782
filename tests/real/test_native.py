"""Against a real vLLM: its own metrics beside ours, and the gap between what the client saw and what the engine says."""

from __future__ import annotations

import asyncio
import statistics
import urllib.request

import pytest

from catalogue import own, unified
from config.model import Config
from config.quantities import Address
from config.reader import parse
from exporter.exporting import exporting
from probes.record import ChatRecord
from tests.exporter.scrape import Scrape, promtool_accepts, read
from tests.exporter.test_exporting import get
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.real

CHATS = 100
WARM_UP_SECONDS = 10
ROUNDS = 5
ROUND_SECONDS = 12
CLOSE_SECONDS = 0.02
DENIED = {"vllm:lora_requests_info"}
NATIVE = {
    unified.PROMPT_TOKENS.name: "vllm:prompt_tokens_total",
    unified.GENERATION_TOKENS.name: "vllm:generation_tokens_total",
    unified.PREEMPTIONS.name: "vllm:num_preemptions_total",
    unified.PREFIX_CACHE_QUERIES.name: "vllm:prefix_cache_queries_total",
    unified.PREFIX_CACHE_HITS.name: "vllm:prefix_cache_hits_total",
    unified.REQUESTS_RUNNING.name: "vllm:num_requests_running",
    unified.REQUESTS_WAITING.name: "vllm:num_requests_waiting",
    unified.KV_CACHE_USAGE.name: "vllm:kv_cache_usage_perc",
    unified.TTFT.count: "vllm:time_to_first_token_seconds_count",
    unified.TTFT.sum: "vllm:time_to_first_token_seconds_sum",
    unified.ITL.count: "vllm:inter_token_latency_seconds_count",
    unified.ITL.sum: "vllm:inter_token_latency_seconds_sum",
    unified.TPOT.sum: "vllm:request_time_per_output_token_seconds_sum",
    unified.E2E.count: "vllm:e2e_request_latency_seconds_count",
    unified.E2E.sum: "vllm:e2e_request_latency_seconds_sum",
    unified.QUEUE.sum: "vllm:request_queue_time_seconds_sum",
    unified.PREFILL.sum: "vllm:request_prefill_time_seconds_sum",
    unified.DECODE.sum: "vllm:request_decode_time_seconds_sum",
}


def raw(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        text: str = response.read().decode()
    return text


def described(text: str) -> dict[str, str]:
    """The type of each of vLLM's families that a text declares, but for the `_created` ones."""
    declared = (line.split() for line in text.splitlines() if line.startswith("# TYPE vllm:"))
    return {name: kind for _, _, name, kind in declared if not name.endswith("_created")}


def by_hand(text: str, name: str) -> float:
    """The sum of the samples of this name in the raw text."""
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    assert lines, f"the engine has no {name}"
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def settings(url: str, load: str) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0"}}
    targets: {{vllm: {{backend: vllm, url: "{url}"}}}}
    scenarios: {{chats: {{{load}, prompt: short-question, max_tokens: 16}}}}
    native: {{interval: 1700ms, timeout: 1s}}
    """).config


async def told_while_idle(url: str, address: Address) -> tuple[str, Scrape, str]:
    """The engine's own text, and our scrape with its text, of a time in which nothing changed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            before = raw(url)
            await asyncio.sleep(4)  # two native scrapes
            body = (await get(address, "/metrics"))[1]
            if engine_lines(raw(url)) == engine_lines(before):
                return before, read(body), body.decode()


def engine_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("vllm:")]


async def test_every_family_of_the_engine_is_served_and_our_names_have_its_numbers(url: str) -> None:
    ended: list[ChatRecord] = []
    load = "stages: [{users: 8, for: 20s}, {users: 0}], think_time: 10ms, ramp_up: 1s"
    async with exporting(settings(url, load), sinks=[lambda event: ended.append(event) if isinstance(event, ChatRecord) else None]) as running:
        await asyncio.sleep(21)
        theirs, seen, ours = await told_while_idle(url, running.address)

    assert len(ended) >= CHATS
    assert {record.outcome for record in ended} == {"ok"}
    served, declared = described(ours), described(theirs)
    with_series = {name for name in declared if any(line.startswith(name) for line in engine_lines(theirs))}
    assert {name for name in with_series if served.get(name) != declared[name]} <= DENIED
    relayable = [line for line in engine_lines(theirs) if "_created" not in line and not line.startswith(tuple(DENIED))]
    assert len(engine_lines(ours)) == len(relayable) > 300
    for name, of_engine in NATIVE.items():
        assert seen.value(name, target="vllm") == pytest.approx(by_hand(theirs, of_engine), rel=1e-9), name
    assert seen.value(own.NATIVE_UP.name) == 1
    promtool_accepts(ours.encode())


async def test_the_gap_is_small_and_positive(url: str) -> None:
    """Over windows in which all of the engine's requests were ours; each round has its own sums."""
    gaps: list[float] = []
    async with exporting(settings(url, "every: 1s")) as running:
        await asyncio.sleep(WARM_UP_SECONDS)
        before = await sums(running.address)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(gaps) < ROUNDS:
                await asyncio.sleep(ROUND_SECONDS)
                after = await sums(running.address)
                chats, client, engine = (now - then for now, then in zip(after, before, strict=True))
                if chats:
                    gaps.append((client - engine) / chats)
                    before = after
    assert 0 < statistics.median(gaps) < CLOSE_SECONDS, gaps


async def sums(address: Address) -> tuple[float, float, float]:
    """Chats, the client's seconds and the engine's, of windows so far."""
    seen = read((await get(address, "/metrics"))[1])
    chats, client, engine = (seen.value(metric.name, basis="window") or 0.0 for metric in (own.GAP_CHATS, own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT))
    return chats, client, engine
