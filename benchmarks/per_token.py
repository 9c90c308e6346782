"""What a token costs a whole exporter: its metrics, its history and its pages included, not the measuring alone (`benchmarks.accuracy`).

    python -m benchmarks.per_token [--streams 50 200 400] [--tokens 200] [--seconds 20] [--rounds 3]

The exporter has one processor core, the server of paced streams (`truth_server.py`, 50 tokens a second each) the other. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.accuracy import CLIENT_CPU, SERVER_CPU, server
from benchmarks.exporter import exporter

GAP_SECONDS = 0.02


def configuration(port: int, streams: int, tokens: int) -> str:
    chat_seconds = tokens * GAP_SECONDS
    return (
        f"targets: {{truth: {{backend: vllm, url: 'http://127.0.0.1:{port}', model: m, metrics: false}}}}\n"
        f"scenarios: {{chats: {{users: {streams}, think_time: 100ms, ramp_up: {chat_seconds:g}s, max_tokens: {tokens}}}}}\n"
        f"limits: {{streams: {streams}, streams_per_target: {streams}}}\n"
    )


def measured(streams: int, tokens: int, seconds: float) -> float:
    """Microseconds of processor time for each token that came meanwhile."""
    with (
        server(None, "--tokens", str(tokens), "--gap-seconds", str(GAP_SECONDS), cpu=SERVER_CPU) as (port, _),
        exporter(configuration(port, streams, tokens), cpu=CLIENT_CPU) as running,
    ):
        time.sleep(2 * tokens * GAP_SECONDS)
        counted, cpu_seconds = running.metrics()["chatprobe_output_tokens_total"], running.cpu_seconds()
        time.sleep(seconds)
        used = running.cpu_seconds() - cpu_seconds
        return used / (running.metrics()["chatprobe_output_tokens_total"] - counted) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[50, 200, 400])
    parser.add_argument("--tokens", type=int, default=200, help="of each answer")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| Streams | CPU per token |\n|---|---|", flush=True)
    for streams in options.streams:
        costs = [measured(streams, options.tokens, options.seconds) for _ in range(options.rounds)]
        print(f"| {streams:,} | {statistics.median(costs):.0f} µs |", flush=True)


if __name__ == "__main__":
    main()
