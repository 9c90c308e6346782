"""Engines watched over sockets while users chat with them, and what is found of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import orjson
import pytest
import pytest_asyncio

from bench.chat import Chat, Place
from bench.engine_side import pacing
from bench.engine_side.finding import Finding
from bench.engine_side.findings import findings
from bench.engine_side.gpus import GpuPage, GpuReading
from bench.engine_side.notes import Notebook, Notes
from bench.engine_side.reading import Reading
from bench.engine_side.side import EngineSide, read_back
from bench.engine_side.watching import Watching
from bench.events import BlockBegun, BlockEnded, ChatEnded, Event, Listener
from bench.level import Block, Level
from config.engine_metrics import MetricsPage
from exporter.native.scrape import Scraper
from probes.ask import Endpoint
from probes.numbers.number import Number
from probes.probing import Prober
from simulator import simulated
from simulator.options import Capacity, Latency, Options
from tests.answers import whole
from tests.bench.driven import measure, users
from tests.servers import closed_port, serving, then_close
from tests.waiting import PATIENCE_SECONDS
from traffic.roster import Member
from traffic.schedule import SystemClock

SMALL = Capacity(max_batch=4)
SLOW = Options(latency=Latency(decode_seconds=0.02), capacity=SMALL, slots=4, answer_tokens=16)
"""Its chats wait for the engine, and not for a busy machine."""
FAST = Options(latency=Latency(decode_seconds=0.004), capacity=SMALL, slots=4, answer_tokens=16)


@pytest_asyncio.fixture
async def scraper() -> AsyncIterator[Scraper]:
    async with Scraper(SystemClock()) as opened:
        yield opened


@pytest_asyncio.fixture
async def prober() -> AsyncIterator[Prober]:
    async with Prober() as started:
        yield started


@dataclass
class Run:
    """What was kept of a run with one engine."""

    notes: Notes
    readings: list[Reading]

    @property
    def found(self) -> dict[str, Finding]:
        return {finding.rule: finding for finding in findings(self.notes)}

    @property
    def measured(self) -> list[Chat]:
        return [chat for chat in self.notes.chats if chat.counts]


async def run(
    engine: str,
    options: Options,
    levels: Sequence[Level],
    prober: Prober,
    scraper: Scraper,
    *,
    seconds: float = 2.0,
    warm_up: float = 0.3,
    stranger: bool = False,
    exact: bool = True,
    queueing_looks: int | None = None,
) -> Run:
    """Each level in a block of so many seconds, or until so many looks between its edges saw requests wait."""
    async with simulated(engine, options) as running:
        endpoint = Endpoint(engine, engine, running.url, model="tiny")
        page = MetricsPage(running.url if engine == "ollama" else f"{running.url}/metrics", None)
        book, readings = Notebook({engine: engine}), list[Reading]()

        def keep(reading: Reading) -> None:
            readings.append(reading)
            book.read(reading)

        members = {engine: Member(endpoint, pages=(page,))}
        async with Watching(members, keep, scraper=scraper, clock=SystemClock(), every_seconds=0.1) as watching:
            for number, level in enumerate(levels, 1):
                block = Block(number, level.name, 1, (engine,), warm_up, seconds if queueing_looks is None else PATIENCE_SECONDS)
                listeners: list[Listener] = [watching] if stranger else [watching, book]
                if stranger:
                    book(BlockBegun(block, 0.0))

                def enough(number: int = number) -> bool:
                    looks = [one for one in readings if one.block == number and one.mark == "during" and one.numbers.get(Number.REQUESTS_WAITING)]
                    return queueing_looks is not None and len(looks) >= queueing_looks

                await measure(prober, endpoint, level, listeners, block=block, ready=watching.caught_up, exact=exact, enough=enough)
    return Run(book.notes(), readings)


async def test_an_overloaded_vllm_gives_the_queue_with_its_true_share(prober: Prober, scraper: Scraper) -> None:
    """The engine is made to tell the queue with each chat too: the truth, by another way than its histograms.

    The warm-up is over when the queue is as long as it gets, so that chats at its edge are like the others.
    """
    options = replace(SLOW, per_request_metrics=True)
    told = await run("vllm", options, (users(2), users(24)), prober, scraper, seconds=6.0, warm_up=2.0)
    queue = told.found["queue"]
    by_histograms = Run(replace(told.notes, told=()), told.readings).found["queue"]
    heavy = [one for one in told.notes.told if one.block == 2 and not one.warm_up]
    waited, prefilled = (sum(getattr(one, part) for one in heavy) for part in ("queue_seconds", "prefill_seconds"))
    assert (queue.level, by_histograms.level) == ("24 users", "24 users")
    assert queue.figures["share"] == pytest.approx(waited / sum(one.ttft_seconds or 0.0 for one in heavy))
    assert by_histograms.figures["share"] == pytest.approx(waited / (waited + prefilled), abs=0.05)
    assert "the mean time to first token" in by_histograms.words


async def test_the_batch_that_is_full_is_found_while_others_wait(prober: Prober, scraper: Scraper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SHARE_OF_TIME", 2)
    told = await run("llamacpp", SLOW, (users(24, "llamacpp"),), prober, scraper, queueing_looks=8)
    finding = told.found["batch_at_limit"]
    assert finding.figures["running_max"] == 4
    assert "--parallel" in finding.advice


async def test_an_engine_that_is_not_loaded_gives_neither_queue_nor_others(prober: Prober, scraper: Scraper) -> None:
    told = await run("vllm", FAST, (users(2),), prober, scraper)
    assert not {"queue", "others", "preemptions", "restarted", "cache_warm"} & told.found.keys()
    assert [reading.mark for reading in told.readings][:2] == ["begin", "measured"]
    assert told.readings[-1].mark == "end"


async def test_chats_that_are_not_of_the_run_are_those_of_others(prober: Prober, scraper: Scraper) -> None:
    told = await run("vllm", FAST, (users(4),), prober, scraper, stranger=True)
    ours = Chat(target="vllm", place=Place("4 users", 1, 1, 1.0, warm_up=False), outcome="ok", ttft_seconds=0.1)
    found = {one.rule: one for one in findings(replace(told.notes, chats=[ours], levels=("4 users",)))}
    assert found["others"].figures["of_others"] == found["others"].figures["requests"] - 1


async def test_a_small_kv_cache_gives_preemptions_and_no_advice_for_a_larger_batch(prober: Prober, scraper: Scraper) -> None:
    tight = Capacity(max_batch=64, kv_blocks=300, block_tokens=1, context_tokens=60)
    found = (await run("vllm", replace(SLOW, capacity=tight), (users(24),), prober, scraper, seconds=4.0, exact=False)).found
    assert found["preemptions"].figures["preemptions"] > 0
    assert "--gpu-memory-utilization" in found["preemptions"].advice
    assert "--gpu-memory-utilization" in found["queue"].advice
    assert "larger --max-num-seqs" not in found["queue"].advice


async def test_ollama_tells_its_queue_with_each_chat(prober: Prober, scraper: Scraper) -> None:
    told = await run("ollama", replace(SLOW, slots=1), (users(8, "ollama"),), prober, scraper, seconds=3.0)
    assert "OLLAMA_NUM_PARALLEL" in told.found["queue"].advice
    assert {reading.mark for reading in told.readings} == {"begin", "measured", "end"}, "its list of models is read at the edges alone"
    assert all("model_memory_bytes" in reading.numbers for reading in told.readings)


async def test_an_engine_that_does_not_answer_is_a_look_that_says_so(scraper: Scraper) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    member = Member(Endpoint("a", "vllm", url, api_key="secret"), pages=(MetricsPage(f"{url}/metrics", None),))
    told: list[Reading] = []
    block = Block(1, "10 users", 1, ("a",), 0.0, 1.0)
    async with Watching({"a": member}, told.append, scraper=scraper, clock=SystemClock()) as watching:
        watching(BlockBegun(block, 0.0))
        await watching.caught_up()
        watching(BlockEnded(block, 1.0))
    assert [reading.mark for reading in told] == ["begin", "end"]
    assert all((reading.problem or "").startswith("unreachable") for reading in told)
    assert "secret" not in repr(told)


async def test_only_targets_of_the_block_are_asked_and_gpus_with_them(scraper: Scraper) -> None:
    page = whole(200, b'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 50\n', "text/plain")
    engine = whole(200, b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2\n", "text/plain")
    with serving(then_close(engine)) as first, serving(then_close(engine)) as second, serving(then_close(page)) as dcgm:
        members = {
            name: Member(Endpoint(name, "vllm", server.url), pages=(MetricsPage(f"{server.url}/metrics", None),))
            for name, server in (("a", first), ("b", second))
        }
        told: list[Reading] = []
        gpus: list[GpuReading] = []
        watched = (GpuPage(f"{dcgm.url}/metrics", ("a", "b")), GpuPage(f"{dcgm.url}/metrics", ("b",)))
        async with Watching(members, told.append, scraper=scraper, clock=SystemClock(), gpus=watched, tell_gpus=gpus.append) as watching:
            block = Block(4, "10 users", 1, ("a",), 0.0, 1.0)
            watching(BlockBegun(block, 0.0))
            await watching.caught_up()
            watching(BlockEnded(block, 1.0))
    assert {(reading.target, reading.block) for reading in told} == {("a", 4)}
    assert {(reading.target, reading.block, reading.gpus[0].utilisation_ratio) for reading in gpus} == {("a", 4, 0.5)}


async def test_what_was_found_is_found_again_from_the_lines_on_the_disk(prober: Prober, scraper: Scraper) -> None:
    lines: list[bytes] = []
    records: list[bytes] = []
    chats: list[Chat] = []
    level, block = users(24), Block(1, "24 users", 1, ("vllm",), 0.3, PATIENCE_SECONDS)
    async with simulated("vllm", replace(SLOW, per_request_metrics=True)) as running:
        endpoint = Endpoint("vllm", "vllm", running.url, model="tiny")
        members = {"vllm": Member(endpoint, pages=(MetricsPage(f"{running.url}/metrics", None),))}

        def keep_record(event: Event) -> None:
            if isinstance(event, ChatEnded) and event.record is not None:
                chats.append(event.chat)
                records.append(orjson.dumps({**event.record.to_json(), "bench": event.chat.place.to_json()}))

        side = EngineSide(members, scraper, SystemClock(), keep=lambda line: lines.append(orjson.dumps(line)), every_seconds=0.1)
        async with side:
            await measure(
                prober, endpoint, level, [side, keep_record], block=block, ready=side.caught_up, enough=lambda: sum(one.counts for one in chats) >= 24
            )
    found = side.findings()
    notes = read_back({"vllm": "vllm"}, [level], [block], chats, map(orjson.loads, lines), map(orjson.loads, records))
    assert "queue" in {finding.rule for finding in found}
    assert findings(notes) == found
