"""One process, or several behind one URL."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import httpx
import pytest

from exporter.native.drops import DropReason, LeftOut
from exporter.native.identity import OneProcess
from exporter.native.scrape import Scraped, Scraper
from probes.ask import Endpoint
from probes.control_clients import TRUSTS_NOBODY
from probes.numbers.family import Family, FamilyType, Sample
from simulator import Latency, Options, Simulator, simulated
from traffic.schedule import SystemClock

START = "process_start_time_seconds"
FAST = Options(latency=Latency(prefill_tokens_per_second=1e6, decode_seconds=0.0005, first_token_seconds=0.0005))


def scraped(start: float | None = None, **counters: float) -> Scraped:
    families = [family(f"tgi_{name}", "counter", value) for name, value in counters.items()]
    if start is not None:
        families.append(family(START, "gauge", start))
    return Scraped(tuple(families), {}, 0, 0)


def family(name: str, kind: FamilyType, value: float, *more: Sample) -> Family:
    return Family(name, kind, "", (Sample(name, (), value), *more))


def started(*starts: float | None) -> list[bool]:
    watch = OneProcess()
    return [watch.is_one(scraped(start, requests=number)) for number, start in enumerate(starts)]


def counted(*values: float | Sequence[float]) -> list[bool]:
    """What the watch says to counters; of several in a process there is a list."""
    watch = OneProcess()
    return [
        watch.is_one(scraped(**{f"c{at}": one for at, one in enumerate([value] if isinstance(value, int | float) else value)})) for value in values
    ]


def test_one_process_that_does_not_start_again() -> None:
    assert all(started(*[5.0] * 30))


def test_restarts_have_ever_later_starts() -> None:
    assert all(started(1.0, 1.0, 2.0, 3.0, 3.0, 4.0, *map(float, range(5, 60))))


def test_a_start_that_comes_back_is_another_process() -> None:
    assert started(1.0, 2.0, 1.0) == [True, True, False]


def test_an_earlier_start_is_another_process() -> None:
    assert started(2.0, 1.0) == [True, False]


def test_three_processes_in_turn() -> None:
    assert started(1.0, 2.0, 3.0, *[1.0, 2.0, 3.0] * 10) == [True] * 3 + [False] * 30


def test_one_is_believed_at_the_tenth_scrape_in_a_row() -> None:
    assert started(2.0, 1.0, *[1.0] * 9) == [True] + [False] * 10
    assert started(2.0, 1.0, *[1.0] * 10) == [True] + [False] * 10 + [True]


def test_a_restart_before_it_is_believed_begins_anew() -> None:
    assert started(2.0, 1.0, *[1.0] * 9, 3.0, *[3.0] * 10) == [True] + [False] * 20 + [True]


def test_a_process_that_was_known_before_is_seen_at_once() -> None:
    assert started(1.0, 2.0, 1.0, *[1.0] * 10, 2.0) == [True, True] + [False] * 10 + [True, False]


def test_a_start_that_is_there_now_and_then() -> None:
    assert started(1.0, None, 1.0) == [True, True, False]
    assert started(None, 1.0, 1.0, None) == [True, True, True, False]


def test_a_start_that_is_no_number_is_none() -> None:
    assert all(started(float("nan"), None, float("inf"), None))


def test_counters_do_not_matter_where_there_is_a_start() -> None:
    watch = OneProcess()
    assert all(watch.is_one(scraped(7.0, requests=value)) for value in [1, 9] * 20)


def test_counters_that_grow_or_rest() -> None:
    assert all(counted(0, 0, 3, 3, 8, 8, 8, 9))


def test_a_restart_counts_anew() -> None:
    assert all(counted(100, 120, 0, 0, 5, 9, 20, 50, 90, 100, 130, 150))


def test_an_engine_that_has_counted_little_restarts() -> None:
    assert all(counted(1, 2, 0, 1, 2, 3, 4, 5, 6))


def test_restarts_that_do_not_come_so_far_again() -> None:
    assert all(counted(100, 40, 10, 80, 20, 0, 0, 5, 3, 1, 1, 0))


def test_series_that_are_gone_after_a_restart() -> None:
    assert all(counted([5, 3], [1], [2], [3, 1], [9, 2]))


def test_some_counters_are_reset_and_others_not() -> None:
    assert all(counted([100, 7000], [110, 0], [120, 500], [130, 800], [140, 0], [150, 400], [160, 700], [170, 900], [180, 0], [190, 300]))


@pytest.mark.parametrize("ahead", [1, 100])
def test_two_processes_in_turn(ahead: int) -> None:
    assert counted(*[ahead, 0] * 20)[4:] == [False] * 36


def test_two_processes_in_turn_each_of_them_ahead_in_something() -> None:
    values = [[9 + turn, turn] if turn % 2 else [turn, 9 + turn] for turn in range(20)]
    assert counted(*values) == [True] * 3 + [False] * 17


@pytest.mark.parametrize("processes", [2, 3, 4, 5])
@pytest.mark.parametrize("order", [1, -1])
def test_several_processes_in_turn_that_all_count(processes: int, order: int) -> None:
    turns = [100 * order * (turn % processes) + 1000 + turn for turn in range(40)]
    found = counted(*turns)
    assert found[0]
    assert not any(found[3 * processes :])


@pytest.mark.parametrize("seed", range(20))
def test_two_processes_by_chance(seed: int) -> None:
    chance = Random(seed)
    counts = [50, 0]
    values = []
    for _ in range(60):
        counts = [count + chance.randrange(2) for count in counts]
        values.append(counts[chance.randrange(2)])
    found = counted(*values)
    assert False in found[:40]
    assert sum(found) < 40


def test_one_of_two_is_believed_once_it_answers_alone() -> None:
    assert counted(9, 0, 9, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)[4:] == [False] * 10 + [True]


def test_labels_may_come_and_go() -> None:
    watch = OneProcess()
    series = [Sample("tgi_requests", (("adapter", "a"),), 3.0)], [Sample("tgi_requests", (("adapter", "b"),), 4.0)]
    assert all(watch.is_one(Scraped((Family("tgi_requests", "counter", "", tuple(one)),), {}, 0, 0)) for one in itertools.chain(*[series]))


def test_gauges_and_sums_may_fall() -> None:
    watch = OneProcess()
    for value in [9.0, 0.0] * 10:
        histogram = Family("tgi_size", "histogram", "", (Sample("tgi_size_sum", (), value), Sample("tgi_size_count", (), 5.0)))
        assert watch.is_one(Scraped((family("tgi_queue_size", "gauge", value), family("tgi_odd", "unknown", value), histogram), {}, 0, 0))


def test_counts_of_histograms_tell_too() -> None:
    watch = OneProcess()
    found = [
        watch.is_one(Scraped((Family("tgi_size", "histogram", "", (Sample("tgi_size_count", (), value),)),), {}, 0, 0)) for value in [9.0, 0.0] * 3
    ]
    assert found == [True] * 4 + [False] * 2


def test_a_counter_that_is_no_number_tells_nothing() -> None:
    assert all(counted(*[float("nan"), float("inf")] * 10))


def page_without_start(body: bytes, number: int) -> bytes:
    return re.sub(rb"(?m)^(# (HELP|TYPE) )?process_start_time_seconds.*\n", b"", body)


def page_with_start(body: bytes, number: int) -> bytes:
    """The simulators run in one process; as pages of two that started one after the other."""
    return re.sub(rb"(?m)^(process_start_time_seconds) .*", rb"\1 170000000%d.5" % number, body)


@asynccontextmanager
async def balancing(urls: Sequence[str], turns: Iterable[int], edit: Callable[[bytes, int], bytes]) -> AsyncIterator[str]:
    """A load balancer for GETs on a real socket: each connection goes to the process whose turn it is, and whoever sends its cookie back to the one
    that answered before."""
    order: Iterator[int] = iter(turns)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        path = asked.split(b" ")[1].decode()
        stuck = re.search(rb"(?i)\r\ncookie:.*route=(\d)", asked)
        number = int(stuck[1]) if stuck else next(order)
        answer = await client.get(urls[number] + path)
        body = edit(answer.content, number)
        cookie = b"Set-Cookie: route=%d; Path=/" % number
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%b\r\nContent-Length: %d\r\n\r\n" % (cookie, len(body)) + body)
        await writer.drain()
        writer.close()

    async with httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as client:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def chat(simulator: Simulator) -> None:
    asked = {"model": simulator.options.models[0], "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3, "stream": True}
    async with httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY) as client:
        (await client.post(f"{simulator.url}/v1/chat/completions", json=asked)).raise_for_status()


async def watched(backend: str, url: str, scrapes: int, between: Callable[[int], object]) -> list[bool]:
    watch, found = OneProcess(), []
    async with Scraper(SystemClock()) as scraper:
        for number in range(scrapes):
            happening = between(number)
            if isinstance(happening, Simulator):
                await chat(happening)
            found.append(watch.is_one(await scraper.metrics(Endpoint("engine", backend, url), f"{url}/metrics", timeout_seconds=5)))
    return found


@pytest.mark.parametrize(
    ("engine", "edit", "believed"), [("vllm", page_with_start, 2), ("vllm", page_without_start, 4), ("tgi", page_without_start, 6)]
)
async def test_two_simulated_engines_behind_a_balancer(engine: str, edit: Callable[[bytes, int], bytes], believed: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(simulated(engine, FAST)) for _ in range(2)]
        for simulator in (engines[0], engines[0], engines[1]):
            await chat(simulator)
        url = await stack.enter_async_context(balancing([one.url for one in engines], itertools.cycle([0, 1]), edit))
        found = await watched(engine, url, 14, lambda number: engines[number // 3 % 2])
        assert found[0]
        assert not any(found[believed:])


@pytest.mark.parametrize(("engine", "edit"), [("vllm", page_with_start), ("vllm", page_without_start), ("tgi", page_without_start)])
async def test_a_simulated_engine_that_rests_works_and_restarts(engine: str, edit: Callable[[bytes, int], bytes]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(simulated(engine, FAST)) for _ in range(2)]
        for _ in range(4):
            await chat(engines[0])
        lives = [0] * 8 + [1] * 12
        url = await stack.enter_async_context(balancing([one.url for one in engines], lives, edit))
        found = await watched(engine, url, len(lives), lambda number: engines[lives[number]] if number % 4 else None)
        assert all(found)


@pytest.mark.parametrize("missing", ["tgi_requests", START])
def test_a_counter_or_a_start_that_could_not_be_read_is_no_other_process(missing: str) -> None:
    start = 7.0 if missing == START else None
    unread = (LeftOut(missing, DropReason.UNREADABLE, 1),)
    whole = scraped(start, requests=100, tokens=100)
    torn = [replace(scraped(start, tokens=100), left_out=unread), replace(scraped(start, requests=40, tokens=100), left_out=unread)]
    if missing == START:
        torn = [replace(scraped(None, requests=100, tokens=100), left_out=unread)] * 2
    watch = OneProcess()
    assert all(watch.is_one(each) for each in [whole, torn[0], whole, torn[1], whole, torn[0], whole] * 3)
