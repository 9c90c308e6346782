"""What an engine that stalls looks like to an open loop and to a closed one: coordinated omission, made visible.

    python -m benchmarks.stall [--rate 20] [--before 30] [--stall 30] [--after 30]

One simulated engine is stopped (SIGSTOP) for a while under three exporters at once: an open loop with the caps at their defaults, an open loop with
caps that hold all that comes due during the stall, and a closed loop with as many users as keep the same rate while the engine is well.
"""

from __future__ import annotations

import argparse
import signal
import time
from contextlib import ExitStack

from benchmarks.accuracy import percentile
from benchmarks.exporter import Exporter, exporter, simulated

CHAT_SECONDS = 0.5
OPTIONS = ("--answer-tokens", "20", "--decode-ms", "20", "--batch-slowdown", "0.0005", "--max-batch", "1024", "--kv-blocks", "65536")
COMMON = "prompt: short-question, max_tokens: 20, first_token_timeout: 60s, stall_timeout: 60s"
WIDE = "limits: {streams: 2000, streams_per_target: 1000}\n"


def configuration(url: str, load: str, more: str = "") -> str:
    return (
        f"targets: {{engine: {{backend: vllm, url: '{url}'}}}}\n"
        f"scenarios: {{chats: {{{load}, {COMMON}}}}}\n"
        f"slos: {{quick: {{scenario: chats, ttft: 500ms, objective: 99%}}}}\n{more}"
    )


def row(name: str, running: Exporter) -> str:
    seen, records = running.metrics(), running.records()
    ttft = [record["ttft_seconds"] for record in records if record["ttft_seconds"] is not None]
    skipped = {key.partition(":")[2]: count for key, count in seen.items() if key.startswith("chatprobe_probe_skipped_total:") and count}
    counted, good = seen["chatprobe_slo_total"], seen["chatprobe_slo_good_total"]
    waited = sum(seconds > 1 for seconds in ttft)
    told = ", ".join(f"{reason} {count:.0f}" for reason, count in skipped.items()) or "none"
    return (
        f"| {name} | {len(records)} | {told} | {waited} | {percentile(ttft, 0.5):.3f} / {percentile(ttft, 0.9):.1f} / {percentile(ttft, 0.99):.1f} s "
        f"| {counted:.0f} | {good / counted:.1%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--before", type=float, default=30)
    parser.add_argument("--stall", type=float, default=30)
    parser.add_argument("--after", type=float, default=30)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        url, engine = stack.enter_context(simulated("vllm", *OPTIONS))
        users = round(arguments.rate * (1 + CHAT_SECONDS))
        runs = {
            f"open loop, {arguments.rate}/s": configuration(url, f"rate: {arguments.rate}/s"),
            f"open loop, {arguments.rate}/s, wide caps": configuration(url, f"rate: {arguments.rate}/s", WIDE),
            f"closed loop, {users} users": configuration(url, f"users: {users}, think_time: 1s"),
        }
        running = {name: stack.enter_context(exporter(text)) for name, text in runs.items()}
        time.sleep(arguments.before)
        engine.send_signal(signal.SIGSTOP)
        time.sleep(arguments.stall)
        engine.send_signal(signal.SIGCONT)
        time.sleep(arguments.after)
        print("| Load | Chats | Not sent | With a TTFT above 1 s | TTFT p50 / p90 / p99 | Attempts for the SLO | Good |")
        print("|---|---|---|---|---|---|---|")
        for name, one in running.items():
            print(row(name, one))


if __name__ == "__main__":
    main()
