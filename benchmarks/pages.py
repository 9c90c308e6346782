"""What the exporter's pages cost: time, bytes and processor, and whether probing stays exact while many look.

    python -m benchmarks.pages [--targets 200] [--readers 10] [--seconds 60] [--alone]

First the pages alone, of as many targets with two hours of chats behind them, in processor time, which other work on the machine does not lengthen
but by what it takes of the caches: of all threads, and of the event loop alone.
Then, unless they are to stay alone, a whole exporter that chats with as many targets, which are few simulated engines in truth: the overview is read
again and again, and then as many readers as said hold it open, live. Beside each stands what the exporter itself says of its timing in that time:
chats that started late, timings that may be off by more than 1 ms, and how late the event loop was.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import re
import statistics
import threading
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.exporter import Exporter, exporter, simulated
from exporter.web.pages.feeds import Feed
from exporter.web.pages.overview import Overview
from tests.exporter.pages.stage import many

ENGINES = ("vllm", "tgi", "sglang")
EVERY_SECONDS = 15
WARM_UP_SECONDS = 45
PAST_SECONDS = 7200
READS = 20
LATE = "0.01"
SCHEDULE, LOOP = "chatprobe_exporter_schedule_lag_seconds", "chatprobe_exporter_event_loop_lag_seconds"


@dataclass(frozen=True)
class Stretch:
    """What a stretch of time cost, and what became of the chats in it."""

    name: str
    cpu_share: float
    chats: float
    failed: float
    doubtful: float
    late: float
    loop_late_share: float

    def __str__(self) -> str:
        return (
            f"{self.name:<20}{self.cpu_share:>7.1%} of a processor, {self.chats:.0f} chats, {self.failed:.0f} failed, {self.doubtful:.0f} doubtful, "
            f"{self.late:.0f} started more than {LATE} s late; the loop was so late in {self.loop_late_share:.1%} of the samples"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--alone", action="store_true", help="without a whole exporter")
    wanted = parser.parse_args()
    asyncio.run(alone(wanted.targets))
    if wanted.alone:
        return
    with ExitStack() as stack:
        urls = {name: stack.enter_context(simulated(name, "--port", "0"))[0] for name in ENGINES}
        one = stack.enter_context(exporter(configuration(urls, wanted.targets)))
        time.sleep(WARM_UP_SECONDS)
        print(stretch("nobody looks", one, wanted.seconds))
        read(one)
        with readers(one, wanted.readers) as received:
            print(stretch(f"{wanted.readers} pages are open", one, wanted.seconds))
        print(f"each was sent {received[0] / wanted.readers / wanted.seconds:,.0f} bytes a second")


async def alone(targets: int) -> None:
    """The overview's cost in processor time: after a long time without readers, for one more reader, and for all readers while it is live."""
    stage = many(targets)
    stage.play(PAST_SECONDS, 60)
    feed = Feed(Overview(stage.scene))
    print(f"{targets} targets, in milliseconds of processor time:      all   the loop")
    for name, seconds, make in (
        ("the first look at all", 0, feed.catch_up),
        ("a look after an hour", 3600, feed.catch_up),
        ("a look a moment later", 5, feed.catch_up),
        ("a minute live, for all", 60, feed.refresh),
        ("a look after an hour again", 3600, feed.catch_up),
    ):
        spent = on_loop = 0.0
        for _ in range(max(1, int(seconds / 60))):
            stage.play(min(seconds, 60), min(seconds, 60) or 1)
        for _ in range(seconds if make == feed.refresh else 1):
            began, began_here = time.process_time(), time.thread_time()
            await make()
            text = feed.main({})
            spent += time.process_time() - began
            on_loop += time.thread_time() - began_here
            stage.clock.pass_by(1.0 if make == feed.refresh else 0.0)
        print(f"  {name:<42}{spent * 1000:>14.1f}{on_loop * 1000:>11.1f}")
    print(f"  {len(text):,} bytes, {len(gzip.compress(text.encode(), 6)):,} compressed")


def configuration(urls: dict[str, str], targets: int) -> str:
    """So many targets in eight groups, of which a third each is one engine in truth."""
    names = [list(urls)[place % len(urls)] for place in range(targets)]
    listed = "\n".join(f'  team-{place % 8}/{name}-{place:03d}: {{backend: {name}, url: "{urls[name]}"}}' for place, name in enumerate(names))
    return f"""
targets:
{listed}
scenarios:
  heartbeat: {{every: {EVERY_SECONDS}s, max_tokens: 16}}
native: {{relay: false, interval: 60s}}
slos:
  quick: {{scenario: heartbeat, ttft: 500ms, objective: 99%}}
"""


def read(one: Exporter) -> None:
    """How long pages take, from the request to the last byte, and how large they are."""
    first, page = timed(f"{one.url}/")
    again = [timed(f"{one.url}/")[0] for _ in range(READS)]
    print(f"overview: first {first * 1000:.0f} ms, then {statistics.median(again) * 1000:.1f} ms (median), {max(again) * 1000:.1f} ms at most")
    print(f"          {len(page):,} bytes, {len(gzip.compress(page, 6)):,} compressed")
    took = statistics.median(timed(f"{one.url}/targets/team-0/vllm-000")[0] for _ in range(READS))
    print(f"a target: {took * 1000:.1f} ms (median)")


def timed(url: str) -> tuple[float, bytes]:
    """Seconds, and what came."""
    began = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return time.perf_counter() - began, body


def stretch(name: str, one: Exporter, seconds: float) -> Stretch:
    """What becomes of the next seconds."""
    before, cpu = told(one), one.cpu_seconds()
    time.sleep(seconds)
    cpu_share = (one.cpu_seconds() - cpu) / seconds
    grown = {key: value - before.get(key, 0.0) for key, value in told(one).items()}
    return Stretch(
        name,
        cpu_share,
        grown["chatprobe_probes_total"],
        grown["chatprobe_probe_failures_total"],
        grown["chatprobe_doubtful_total"],
        grown[f"{SCHEDULE}_count"] - grown[f"{SCHEDULE}_bucket<={LATE}"],
        1 - grown[f"{LOOP}_bucket<={LATE}"] / grown[f"{LOOP}_count"],
    )


def told(one: Exporter) -> dict[str, float]:
    """The samples of a scrape, summed over all labels but `le`, which becomes a part of the name."""
    found: defaultdict[str, float] = defaultdict(float)
    for line in timed(f"{one.url}/metrics")[1].decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            bare, _, labels = name.partition("{")
            bound = labels.partition('le="')[2].partition('"')[0]
            found[f"{bare}<={bound}" if bound else bare] += float(value)
    return found


@contextmanager
def readers(one: Exporter, number: int) -> Iterator[list[int]]:
    """So many readers who hold the overview open; gives how many bytes they were sent together."""
    received, stop = [0], threading.Event()
    page = timed(f"{one.url}/")[1].decode()
    query = urllib.parse.urlencode({name: re.findall(f'data-{name}="([^"]*)"', page)[0] for name in ("revision", "arrangement")})

    def look() -> None:
        with urllib.request.urlopen(f"{one.url}/live/?{query.replace('revision', 'since')}") as stream:
            while not stop.is_set() and (chunk := stream.read1()):
                received[0] += len(chunk)

    threads = [threading.Thread(target=look, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield received
    stop.set()
    assert all(thread.is_alive() for thread in threads), "a page was not live to the end: the order of targets has changed; try again"


if __name__ == "__main__":
    main()
