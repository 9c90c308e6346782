"""What a token costs a whole exporter, its metrics, its history and its pages included, beside the measuring alone and plain aiohttp in the same run.

    python -m benchmarks.per_token [--streams 50 200 400] [--seconds 20] [--rounds 3]

Each has one processor core, the server of paced streams (`truth_server.py`, 50 tokens a second each) the other. The two beside it are the clients of
`benchmarks.accuracy`. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.accuracy import CLIENT_CPU, SERVER_CPU, Setting, one_run, server
from benchmarks.exporter import exporter

TOKENS, GAP_SECONDS = 200, 0.02
"""Of each answer, as the clients beside it have them."""
CHATS = 2


def configuration(port: int, streams: int) -> str:
    return (
        f"targets: {{truth: {{backend: vllm, url: 'http://127.0.0.1:{port}', model: m, metrics: false}}}}\n"
        f"scenarios: {{chats: {{users: {streams}, think_time: 100ms, ramp_up: {TOKENS * GAP_SECONDS:g}s, max_tokens: {TOKENS}}}}}\n"
        f"limits: {{streams: {streams}, streams_per_target: {streams}}}\n"
    )


def measured(streams: int, seconds: float) -> float:
    """Microseconds of processor time for each token that came meanwhile."""
    with (
        server(None, "--tokens", str(TOKENS), "--gap-seconds", str(GAP_SECONDS), cpu=SERVER_CPU) as (port, _),
        exporter(configuration(port, streams), cpu=CLIENT_CPU) as running,
    ):
        time.sleep(2 * TOKENS * GAP_SECONDS)  # until all streams have had their first chat
        counted, cpu_seconds = running.metrics()["chatprobe_output_tokens_total"], running.cpu_seconds()
        time.sleep(seconds)
        used = running.cpu_seconds() - cpu_seconds
        return used / (running.metrics()["chatprobe_output_tokens_total"] - counted) * 1e6


def alone(client: str, streams: int) -> float:
    """The same of a client of `benchmarks.accuracy`."""
    with tempfile.TemporaryDirectory() as folder:
        return one_run(client, Setting(streams, tls=False), CHATS, Path(folder), None, Path()).cpu_us_per_token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[50, 200, 400])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| Streams | Whole exporter | Measuring alone | aiohttp | Whole, beside measuring alone |\n|---|---|---|---|---|", flush=True)
    for streams in options.streams:
        costs = [(measured(streams, options.seconds), alone("chatprobe", streams), alone("aiohttp", streams)) for _ in range(options.rounds)]
        whole, measuring, aiohttp = (statistics.median(each) for each in zip(*costs, strict=True))
        ratio = statistics.median(whole / measuring for whole, measuring, _ in costs)
        print(f"| {streams:,} | {whole:.0f} µs | {measuring:.0f} µs | {aiohttp:.0f} µs | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
