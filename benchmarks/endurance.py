"""How chatprobe bears a closed loop of many users for a long time, and what it costs.

    python -m benchmarks.endurance [--users 50 100] [--minutes 10] [--engines vllm tgi ollama]

The users are shared among simulated engines, which run on one processor core, the exporter on the other. Where nothing holds a user up, each has a
chat every think time plus chat: the rate that is wanted. The schedule's lag is that of the records, the memory's growth from after the first minute.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.accuracy import percentile
from benchmarks.exporter import Exporter, exporter, simulated

EXPORTER_CPU, ENGINES_CPU = 0, 1
THINK_SECONDS = 2.0
RAMP_UP_SECONDS = 10
SETTLED_SECONDS = 60
OPTIONS = ("--answer-tokens", "60", "--decode-ms", "20", "--batch-slowdown", "0.001", "--max-batch", "256", "--kv-blocks", "65536")


@dataclass(frozen=True)
class Result:
    """One run, from after its first minute to its end."""

    users: int
    wanted_per_second: float
    achieved_per_second: float
    lag_p99_ms: float
    skipped: dict[str, float]
    failed: float
    cpu_share: float
    cpu_us_per_token: float
    memory_mib: float
    memory_growth_mib: float
    doubtful_share: float


def one_run(users: int, seconds: float, engines: list[str]) -> Result:
    with ExitStack() as stack:
        share, rest = divmod(users, len(engines))
        targets, scenarios = "", ""
        for place, engine in enumerate(engines):
            slots = ("--slots", "256") if engine == "ollama" else ()
            url, _ = stack.enter_context(simulated(engine, *OPTIONS, *slots, cpu=ENGINES_CPU))
            targets += f"  {engine}: {{backend: {engine}, url: '{url}'}}\n"
            count = share + (place < rest)
            scenarios += (
                f"  {engine}: {{users: {count}, think_time: {THINK_SECONDS:g}s, ramp_up: {RAMP_UP_SECONDS}s, max_tokens: 64, "
                f"conversation: customer-support, targets: [{engine}]}}\n"
            )
        running = stack.enter_context(exporter(f"targets:\n{targets}scenarios:\n{scenarios}", cpu=EXPORTER_CPU))
        time.sleep(SETTLED_SECONDS)
        return _measured(users, running, seconds - SETTLED_SECONDS)


def _measured(users: int, running: Exporter, seconds: float) -> Result:
    before, cpu_before, memory_before, began = running.metrics(), running.cpu_seconds(), running.memory_mib(), time.time()
    began_ticks = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began_ticks
    after, cpu = running.metrics(), running.cpu_seconds() - cpu_before
    records = [record for record in running.records() if _ended_at(record) >= began]
    chats = sum(after[name] - before.get(name, 0) for name in ("chatprobe_probes_total",))
    skipped = {
        name.partition(":")[2]: count - before.get(name, 0)
        for name, count in after.items()
        if name.startswith("chatprobe_probe_skipped_total:") and count > before.get(name, 0)
    }
    return Result(
        users=users,
        wanted_per_second=users / (statistics.fmean(record["e2e_seconds"] for record in records) + THINK_SECONDS),
        achieved_per_second=chats / took,
        lag_p99_ms=percentile([record["schedule_lag_seconds"] for record in records], 0.99) * 1e3,
        skipped=skipped,
        failed=sum(count - before.get(name, 0) for name, count in after.items() if name.startswith("chatprobe_probe_failures_total:")),
        cpu_share=cpu / took,
        cpu_us_per_token=cpu / (after["chatprobe_output_tokens_total"] - before["chatprobe_output_tokens_total"]) * 1e6,
        memory_mib=running.memory_mib(),
        memory_growth_mib=running.memory_mib() - memory_before,
        doubtful_share=statistics.fmean(record["doubtful"] for record in records),
    )


def _ended_at(record: dict[str, object]) -> float:
    from datetime import datetime

    assert isinstance(record["started_at"], str)
    assert isinstance(record["e2e_seconds"], float)
    return datetime.fromisoformat(record["started_at"]).timestamp() + record["e2e_seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[50, 100])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--engines", nargs="+", default=["vllm", "tgi", "ollama"])
    arguments = parser.parse_args()
    print("| Users | Chats a second, wanted / had | Schedule lag p99 | Skipped | Failed | Doubtful | CPU | CPU per token | Memory (growth) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for users in arguments.users:
        one = one_run(users, arguments.minutes * 60, arguments.engines)
        skipped = ", ".join(f"{reason} {count:.0f}" for reason, count in one.skipped.items()) or "none"
        print(
            f"| {one.users} | {one.wanted_per_second:.2f} / {one.achieved_per_second:.2f} | {one.lag_p99_ms:.2f} ms | {skipped} | {one.failed:.0f} "
            f"| {one.doubtful_share:.1%} | {one.cpu_share:.1%} of a core | {one.cpu_us_per_token:.0f} µs "
            f"| {one.memory_mib:.0f} MiB ({one.memory_growth_mib:+.1f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
