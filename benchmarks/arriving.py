"""How soon Services that appear in a cluster all at once are targets, and how soon each has had its first chat.

    python -m benchmarks.arriving [--services 200] [--rounds 3]

The exporter has one processor core. A simulated engine, which all Services lead to by addresses of their own, and the cluster's API have
the other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.exporter import exporter, simulated
from tests.cluster import api, objects

EXPORTER_CPU, OTHERS_CPU = 0, 1
OPTIONS = ("--host", "0.0.0.0", "--answer-tokens", "20", "--decode-ms", "10", "--max-batch", "1024", "--kv-blocks", "65536")
SETTLED_SECONDS = 10
LOOKS_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 180


def one_round(services: int) -> tuple[float, float]:
    """Seconds from the Services' appearance until the last is a target, and until the last has had a chat."""
    cluster = api.Cluster()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, _ = stack.enter_context(simulated("vllm", *OPTIONS, cpu=OTHERS_CPU))
        os.sched_setaffinity(0, {OTHERS_CPU})
        kubeconfig = api.kubeconfig(folder, stack.enter_context(api.serving(cluster)))
        discovery = f"discovery: {{kubernetes: {{namespaces: [{objects.NAMESPACE}], kubeconfig: '{kubeconfig}', loopback: true}}}}\n"
        running = stack.enter_context(exporter(f"{discovery}scenarios: {{heartbeat: {{every: 15s, max_tokens: 20}}}}\n", cpu=EXPORTER_CPU))
        time.sleep(SETTLED_SECONDS)
        began = time.monotonic()
        port = urlsplit(url).port
        assert port is not None
        cluster.put(*(objects.service(f"engine-{number:03}", app="vllm", balancer=f"127.1.0.{1 + number}", port=port) for number in range(services)))
        enrolled = None
        while time.monotonic() - began < PATIENCE_SECONDS:
            time.sleep(LOOKS_EVERY_SECONDS)
            if enrolled is None and running.metrics()["chatprobe_exporter_targets"] >= services:
                enrolled = time.monotonic() - began
            if enrolled is not None and len({record["target"] for record in running.records()}) >= services:
                return enrolled, time.monotonic() - began
    raise TimeoutError(f"not all of {services} Services were chatted with in {PATIENCE_SECONDS} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found = [one_round(arguments.services) for _ in range(arguments.rounds)]
    for name, seconds in zip(("all are targets after", "each has had a chat after"), zip(*found, strict=True), strict=True):
        print(f"{name} {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})")


if __name__ == "__main__":
    main()
