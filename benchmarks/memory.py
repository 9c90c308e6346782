"""How much memory many long streams take at once: of the process that reads them, and of the measuring worker.

    python -m benchmarks.memory [--streams 1000] [--tokens 2000] [--gap 0.1]

A server of paced streams (`truth_server.py`) answers all of them at the same time, a chunk with a token each `--gap` seconds a stream. All records
are held until the last chat has ended, as whoever asked for them would. Memory is what a process has for itself (USS), looked at twice a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence

import psutil

from benchmarks.accuracy import server
from exporter.allocator import give_back_freed_memory
from probes.ask import Ask, Endpoint, Message, Timeouts
from probes.probing import Prober
from probes.record import ChatRecord
from tests.waiting import eventually

PATIENT = Timeouts(connect_seconds=120, first_token_seconds=600, stall_seconds=600, total_seconds=7200)
"""The engine's pace is no matter here, and the machine may be busy."""
LOOK_SECONDS = 0.5


class Watch:
    """What some processes have for themselves, in bytes: at first, and at most."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.first = self.most = self._now()
        self.most_together = sum(self.first)

    def look(self) -> None:
        now = self._now()
        self.most = [max(pair) for pair in zip(self.most, now, strict=True)]
        self.most_together = max(self.most_together, sum(now))

    def _now(self) -> list[int]:
        return [process.memory_full_info().uss for process in self._processes]


async def measure(url: str, streams: int) -> tuple[Watch, list[ChatRecord]]:
    """So many chats at once, and what they took."""
    endpoint = Endpoint("bench", "vllm", url, "m")
    ask = Ask("m", (Message("user", "Say something."),), 1_000_000, "bench", cache="warm")
    async with Prober() as prober:
        await eventually(lambda: prober.workers[0].answers)
        pid = prober.workers[0].pid
        assert pid is not None
        watch = Watch([os.getpid(), pid])
        chats = [asyncio.create_task(prober.chat(endpoint, ask, scenario="bench", timeouts=PATIENT)) for _ in range(streams)]
        while not all(chat.done() for chat in chats):
            await asyncio.sleep(LOOK_SECONDS)
            watch.look()
        return watch, [await chat for chat in chats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--gap", type=float, default=0.1)
    wanted = parser.parse_args()
    give_back_freed_memory()
    with server(None, "--tokens", str(wanted.tokens), "--gap-seconds", str(wanted.gap), cpu=None) as (port, _):
        watch, records = asyncio.run(measure(f"http://127.0.0.1:{port}", wanted.streams))
    whole = sum(record.outcome == "ok" and len(record.chunks) == wanted.tokens for record in records)
    print(f"{wanted.streams} streams of {wanted.tokens} tokens at once, of which {whole} came whole; in MB:")
    print(f"{'':<24}{'before':>8}{'at most':>9}")
    for name, first, most in zip(("the main process", "the measuring worker"), watch.first, watch.most, strict=True):
        print(f"  {name:<22}{first / 1e6:>8.0f}{most / 1e6:>9.0f}")
    print(f"  {'both at the same time':<22}{sum(watch.first) / 1e6:>8.0f}{watch.most_together / 1e6:>9.0f}")


if __name__ == "__main__":
    main()
