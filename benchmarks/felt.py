"""What users of an engine feel of chatprobe: their TTFT and TPOT alone, and beside `chatprobe serve` with the default preset's scenarios.

    python -m benchmarks.felt BACKEND URL [--model tiny] [--engine-pid PID] [--pairs 12] [--seconds 15] [--users 4]

Users chat in a closed loop: they ask, read, think for a moment, and ask again. Blocks alternate: in each pair one is without chatprobe and one beside
it, in an order that is drawn, and both with the same pauses. Without it means that its processes are stopped (SIGSTOP) while none of its
chats is open; when they go on, chats that are overdue come at once, so that a block has more of them than the same time has otherwise. Of each pair
the ratio of both is taken. The median of the ratios and an interval of at least 95 %, from their order alone, say what is known: within 1 %, or
inside the noise, or a difference. A block in which the machine was busy otherwise moves neither far.

With `--engine-pid` the engine has a processor core for itself, users and chatprobe the other: chatprobe's own work is not what is looked at, as it
has a machine of its own elsewhere. Its reading of the engine's metrics is part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import secrets
import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import astuple, dataclass, fields

import psutil

from benchmarks.exporter import Exporter, exporter
from config.starters import starter
from probes.ask import Ask, Endpoint, Message
from probes.probing import Prober
from probes.record import ChatRecord

ENGINE_CPU, CLIENTS_CPU = 0, 1
SETTLED_SECONDS = 10.0
"""After chatprobe's start, before the first block."""
OPEN_SECONDS = 30.0
"""Longest wait for the end of its open chats."""
ANSWER_TOKENS = 64
PROMPT_WORDS = 60
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 1.0
WITHIN = 0.01
"""What nobody feels."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Felt:
    """What the users of one block felt, in seconds."""

    ttft_mean: float
    ttft_p50: float
    tpot_mean: float
    tpot_p50: float


@dataclass(frozen=True)
class Cost:
    """What chatprobe has asked of the engine so far. `engine_seconds` is None where the engine does not tell."""

    chats: float
    input_tokens: float
    output_tokens: float
    engine_seconds: float | None

    def since(self, before: Cost) -> Cost:
        """What was asked since then."""
        seconds = None if self.engine_seconds is None else self.engine_seconds - (before.engine_seconds or 0)
        return Cost(self.chats - before.chats, self.input_tokens - before.input_tokens, self.output_tokens - before.output_tokens, seconds)


async def users(prober: Prober, endpoint: Endpoint, count: int, seconds: float, seed: int) -> list[ChatRecord]:
    """What this many users have in so many seconds. The same seed gives the same pauses; no prompt comes twice, as an engine would have it cached."""
    until, found = time.monotonic() + seconds, list[ChatRecord]()

    async def user(number: int) -> None:
        drawn = random.Random(f"{seed}/{number}")
        while True:
            await asyncio.sleep(drawn.uniform(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
            text = " ".join(f"{secrets.randbelow(10_000)}" for _ in range(PROMPT_WORDS))
            if time.monotonic() >= until:
                return
            ask = Ask(endpoint.model or "", (Message("user", text),), ANSWER_TOKENS, "felt", cache="warm")
            found.append(await prober.chat(endpoint, ask, scenario="felt"))

    await asyncio.gather(*map(user, range(count)))
    return found


def felt(records: Sequence[ChatRecord]) -> Felt:
    bad = [record.failure for record in records if record.outcome != "ok"]
    if bad:
        raise RuntimeError(f"{len(bad)} of {len(records)} users' chats failed: {bad[0]}")
    ttft = [record.ttft_seconds for record in records if record.ttft_seconds is not None]
    tpot = [record.tpot_seconds for record in records if record.tpot_seconds is not None]
    return Felt(statistics.fmean(ttft), statistics.median(ttft), statistics.fmean(tpot), statistics.median(tpot))


def configuration(backend: str, url: str, model: str) -> str:
    """The default preset with this engine as its only target."""
    preset = starter("default")
    return f"targets: {{engine: {{backend: {backend}, url: '{url}', model: '{model}'}}}}\n{preset[preset.index('scenarios:') :]}\n"


def cost(running: Exporter) -> Cost:
    told = running.metrics()
    return Cost(
        told["chatprobe_probes_total"],
        told["chatprobe_input_tokens_total"],
        told["chatprobe_output_tokens_total"],
        told.get("chatprobe_engine_seconds_total"),
    )


@contextmanager
def stopped(running: Exporter) -> Iterator[None]:
    """Nothing of chatprobe runs meanwhile, and none of its chats is open. Raises `TimeoutError` where one never ends."""
    until = time.monotonic() + OPEN_SECONDS
    while running.metrics()["chatprobe_exporter_streams_in_flight"]:
        if time.monotonic() > until:
            raise TimeoutError("a chat of chatprobe's does not end")
        time.sleep(0.2)
    processes = [*running.process.children(recursive=True), running.process]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def blocks(arguments: argparse.Namespace) -> tuple[list[tuple[Felt, Felt]], Cost, int]:
    """Pairs of (alone, beside), what chatprobe cost in all of them, and how many chats users had."""
    endpoint = Endpoint("engine", arguments.backend, arguments.url, arguments.model)
    order, pairs, chats = random.Random(1), list[tuple[Felt, Felt]](), 0

    async def block(seed: int) -> Felt:
        nonlocal chats
        records = await users(prober, endpoint, arguments.users, arguments.seconds, seed)
        chats += len(records)
        return felt(records)

    with exporter(configuration(arguments.backend, arguments.url, arguments.model)) as running:
        async with Prober() as prober:
            await users(prober, endpoint, arguments.users, SETTLED_SECONDS, seed=-1)
            before = cost(running)
            for number in range(arguments.pairs):
                seen: dict[bool, Felt] = {}
                for beside in order.sample((False, True), 2):
                    with nullcontext() if beside else stopped(running):
                        seen[beside] = await block(number)
                pairs.append((seen[False], seen[True]))
        return pairs, cost(running).since(before), chats


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """The median of six ratios or more, and the ends of the narrowest interval for it that their order gives with that confidence (sign test)."""
    ordered, count = sorted(ratios), len(ratios)
    rank, outside = 0, 2 / 2**count
    while outside <= 1 - CONFIDENCE:
        rank += 1
        outside += 2 * math.comb(count, rank) / 2**count
    return statistics.median(ordered), ordered[rank - 1], ordered[count - rank]


def verdict(low: float, high: float) -> str:
    if low >= 1 - WITHIN and high <= 1 + WITHIN:
        return "within 1 %"
    if low <= 1 <= high:
        return "inside the noise"
    return "slower" if low > 1 else "faster"


def report(pairs: Sequence[tuple[Felt, Felt]]) -> list[str]:
    """A row of a table for each measure."""
    rows = []
    for place, measure in enumerate(fields(Felt)):
        values = [(astuple(alone)[place], astuple(beside)[place]) for alone, beside in pairs]
        ratio, low, high = interval([beside / alone for alone, beside in values])
        alone_ms, beside_ms = (statistics.median(one) * 1000 for one in zip(*values, strict=True))
        name = measure.name.replace("_", ", ").upper().replace("MEAN", "mean").replace("P50", "p50")
        change, least, most = (f"{(one - 1) * 100:+.1f} %" for one in (ratio, low, high))
        rows.append(f"| {name} | {alone_ms:.2f} ms | {beside_ms:.2f} ms | {change} | {least} to {most} | {verdict(low, high)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend")
    parser.add_argument("url")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--engine-pid", type=int)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--users", type=int, default=4)
    arguments = parser.parse_args()
    if arguments.pairs < 6:
        parser.error("--pairs: an interval of 95 % needs 6 or more")
    if arguments.engine_pid is not None:
        _pin(arguments.engine_pid)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is stopped goes on, and is ended
    pairs, spent, chats = asyncio.run(blocks(arguments))
    print(f"{arguments.backend}: {arguments.users} users, {chats} chats, {arguments.pairs} pairs of blocks of {arguments.seconds:g} s")
    print("| | Alone | Beside chatprobe | Difference | 95 % interval | |\n|---|---|---|---|---|---|")
    print("\n".join(report(pairs)))
    known = "the engine does not tell how long it worked on them" if spent.engine_seconds is None else f"{spent.engine_seconds:.2f} s of the engine"
    print(
        f"chatprobe, in {arguments.pairs * arguments.seconds:g} s beside the users: {spent.chats:.0f} chats, {spent.input_tokens:.0f} tokens in, "
        f"{spent.output_tokens:.0f} out, {known}"
    )


def _pin(engine: int) -> None:
    """The engine's processes to one core, ourselves and what we start to the other."""
    leader = psutil.Process(engine)
    for process in (leader, *leader.children(recursive=True)):
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {ENGINE_CPU})
    os.sched_setaffinity(0, {CLIENTS_CPU})


if __name__ == "__main__":
    main()
