"""What a stream costs with one measuring worker and with several, and how far apart the requests of a pair are sent.

    python -m benchmarks.workers [--runs 1x80 2x160 3x240 1x240] [--rounds 3] [--pairs 300]

chatprobe has one processor core for all its processes, the server (`truth_server.py`) another; pairs have both. Streams are of 50 tokens a second.
Rounds go through the runs in turn, and ratios are those of medians, to the first of them. Chats are compared with the server's own times as
`benchmarks.accuracy` does. Workers that have to share a core, as here, hold each other up: more chats are doubtful than on cores of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.accuracy import CLIENT_CPU, Result, compare, percentile, server, truth_of
from benchmarks.clients import Chat, cpu_seconds, measured, run_streams
from probes.ask import Ask, Endpoint, Message
from probes.probing import Prober

CHATS = 2
"""On each stream, one after the other: four seconds each."""
ASK = Ask("m", (Message("user", "Say something."),), 1000, "bench", cache="warm")


class Setting(NamedTuple):
    """So many workers with so many streams in all, written `2x160`."""

    workers: int
    streams: int


def setting(written: str) -> Setting:
    """Raises `ValueError`."""
    workers, _, streams = written.partition("x")
    return Setting(int(workers), int(streams))


@dataclass(frozen=True)
class Run:
    """Processor time in microseconds a token, of the main process and of all workers together, and how exact it was."""

    main_us: float
    workers_us: float
    exact: Result


async def hold(setting: Setting, url: str, truth: subprocess.Popen[str], folder: Path) -> Run:
    """Hold the chats of one run."""
    endpoint = Endpoint("bench", "vllm", url, "m")
    async with Prober(setting.workers) as prober:
        await _all_up(prober)

        async def chat() -> Chat:
            return measured(await prober.chat(endpoint, ASK, scenario="bench"))

        pids = [worker.pid for worker in prober.workers if worker.pid is not None]
        main, theirs = cpu_seconds([os.getpid()]), cpu_seconds(pids)
        chats = await run_streams(setting.streams, CHATS, chat)
        main, theirs = cpu_seconds([os.getpid()]) - main, cpu_seconds(pids) - theirs
    told = [[chat.request_id, chat.chunks, chat.doubtful, chat.bounds] for chat in chats]
    tokens = sum(len(chat.chunks) for chat in chats)
    exact = compare({"cpu_seconds": main + theirs, "chats": told}, await asyncio.to_thread(truth_of, truth, folder))
    return Run(main / tokens * 1e6, theirs / tokens * 1e6, exact)


async def spreads(workers: int, pairs: int, urls: list[str]) -> list[float]:
    """How far apart in milliseconds the requests of pairs were sent, on connections that were kept."""
    found = []
    async with Prober(workers) as prober:
        await _all_up(prober)
        for number in range(pairs):
            endpoints = [Endpoint(str(place), "vllm", url, "m") for place, url in enumerate(urls)]
            pair_id = uuid.uuid4().hex
            records = await asyncio.gather(*(prober.chat(one, ASK, scenario="bench", pair_id=pair_id) for one in endpoints))
            sent = [record.sent_ns for record in records if record.sent_ns is not None]
            if number:
                found.append((max(sent) - min(sent)) / 1e6)
    return found


async def _all_up(prober: Prober) -> None:
    while not all(worker.answers for worker in prober.workers):  # noqa: ASYNC110 - it happens in other processes
        await asyncio.sleep(0.05)


def _costs(settings: list[Setting], rounds: int) -> None:
    runs: dict[Setting, list[Run]] = {setting: [] for setting in settings}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for setting, found in runs.items():
                with server(None) as (port, process):
                    found.append(asyncio.run(hold(setting, f"http://127.0.0.1:{port}", process, Path(folder))))
                gc.collect()
    print("| Workers | Streams | CPU per token: workers | Ratio | main process | Ratio | TTFT error p99 | ITL error p99 | Doubtful chats |")
    print("|---|---|---|---|---|---|---|---|---|")
    first = runs[settings[0]]
    for setting, found in runs.items():
        workers, main = _median(found, "workers_us"), _median(found, "main_us")
        ttft, itl, doubtful = (
            statistics.median(getattr(run.exact, name) for run in found) for name in ("ttft_error_ms", "itl_error_ms", "doubtful_share")
        )
        print(
            f"| {setting.workers} | {setting.streams} | {workers:.1f} µs | {workers / _median(first, 'workers_us'):.2f} "
            f"| {main:.1f} µs | {main / _median(first, 'main_us'):.2f} | {ttft:.3f} ms | {itl:.3f} ms | {doubtful:.1%} |"
        )


def _median(runs: list[Run], name: str) -> float:
    found: float = statistics.median(getattr(run, name) for run in runs)
    return found


def _pairs(numbers: list[int], pairs: int) -> None:
    print("\n| Workers | Pairs | Requests sent apart, p50 | p99 |\n|---|---|---|---|")
    command = ["--tokens", "3", "--first-seconds", "0.01", "--gap-seconds", "0.002"]
    with server(None, *command) as (one, _), server(None, *command) as (two, _):
        for number in numbers:
            found = asyncio.run(spreads(number, pairs, [f"http://127.0.0.1:{port}" for port in (one, two)]))
            print(f"| {number} | {len(found)} | {statistics.median(found):.3f} ms | {percentile(found, 0.99):.3f} ms |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=setting, nargs="+", default=[Setting(1, 80), Setting(2, 160), Setting(3, 240), Setting(1, 240)])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=300)
    options = parser.parse_args()
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CPU})
    _costs(options.runs, options.rounds)
    os.sched_setaffinity(0, every)
    _pairs([1, 2], options.pairs)


if __name__ == "__main__":
    main()
