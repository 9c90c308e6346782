"""How exact chatprobe is, alone and watched, and what it costs, beside plain aiohttp and httpx clients on the same server, in the same run.

    python -m benchmarks.accuracy [--runs 3] [--only chatprobe] [--streams 200]

The client has one processor core for itself, the server (`truth_server.py`) another. Chats are matched by their request id and
compared with the server's own times, chat by chat and chunk by chunk. Each figure is the median of the runs; errors are the p99 of absolute errors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from benchmarks.truth_server import Truth

CLIENT_CPU, SERVER_CPU = 0, 1
MOST_STREAMS = {"httpx": 200}
"""How many streams a client gets at most: httpx breaks down with more."""
FIRST_SECONDS = 0.05


@dataclass(frozen=True)
class Setting:
    streams: int
    tls: bool

    def __str__(self) -> str:
        return f"{self.streams} streams{', TLS' if self.tls else ''}"


@dataclass(frozen=True)
class Result:
    """One run: milliseconds, shares and microseconds."""

    ttft_mean_ms: float
    ttft_error_ms: float
    itl_error_ms: float
    doubtful_share: float
    cpu_us_per_token: float
    beyond_bound_ms: float
    """By how much the worst chunk error exceeded its own bound; 0 if none did."""


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextmanager
def server(certificate: Path | None, *options: str, cpu: int | None = SERVER_CPU) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    tls = ["--cert", str(certificate), "--key", str(certificate)] if certificate else []
    pinned = [] if cpu is None else ["--cpu", str(cpu)]
    command = [sys.executable, "-m", "benchmarks.truth_server", *pinned, "--first-seconds", str(FIRST_SECONDS), *tls, *options]
    # a session of its own, as services have: Linux schedules sessions alike, and the client makes itself the nicest of its own
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process
    finally:
        process.terminate()
        process.wait()


def certificates(folder: Path) -> tuple[Path, Path]:
    """(that of an authority, one that it issued, with its key) for 127.0.0.1, in files."""
    authority = trustme.CA()
    ca, certificate = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(ca)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    return ca, certificate


def truth_of(process: subprocess.Popen[str], folder: Path) -> dict[str, Truth]:
    """What the server knows of each chat since it was asked last, by the request's id."""
    path = folder / f"truth-{time.monotonic_ns()}.json"
    assert process.stdin is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    while not path.exists():
        time.sleep(0.05)
    return {request_id: Truth(**told) for request_id, told in json.loads(path.read_text()).items()}


def one_run(client: str, setting: Setting, chats: int, folder: Path, certificate: Path | None, ca: Path) -> Result:
    with server(certificate) as (port, process):
        out = folder / "client.json"
        url = f"{'https' if setting.tls else 'http'}://127.0.0.1:{port}"
        trust = ["--ca", str(ca)] if setting.tls else []
        command = [sys.executable, "-m", "benchmarks.clients", client, url, "--streams", str(setting.streams), "--chats", str(chats)]
        subprocess.run([*command, "--cpu", str(CLIENT_CPU), "--out", str(out), *trust], check=True)
        return compare(json.loads(out.read_text()), truth_of(process, folder))


def compare(measured: dict[str, object], truths: dict[str, Truth]) -> Result:
    ttfts: list[float] = []
    ttft_errors: list[float] = []
    itl_errors: list[float] = []
    beyond = 0.0
    doubtful = tokens = 0
    chats = measured["chats"]
    assert isinstance(chats, list)
    for request_id, chunks, doubt, bounds in chats:
        arrived_ns, brackets = truths[request_id].arrived_ns, truths[request_id].sent_ns
        sent = [(before - arrived_ns) / 1e9 for before, _ in brackets]
        assert len(chunks) == len(sent), f"{len(chunks)} chunks of {len(sent)}"
        ttfts.append(chunks[0])
        ttft_errors.append(abs(chunks[0] - sent[0]))
        itl_errors += [abs((chunks[n] - chunks[n - 1]) - (sent[n] - sent[n - 1])) for n in range(1, len(sent))]
        if bounds is not None:
            late = [chunk - (after - arrived_ns) / 1e9 for chunk, (_, after) in zip(chunks, brackets, strict=True)]
            beyond = max(beyond, *(error - bound for error, bound in zip(late, bounds, strict=True)))
        doubtful += doubt
        tokens += len(chunks)
    cpu = measured["cpu_seconds"]
    assert isinstance(cpu, float)
    return Result(
        ttft_mean_ms=statistics.fmean(ttfts) * 1e3,
        ttft_error_ms=percentile(ttft_errors, 0.99) * 1e3,
        itl_error_ms=percentile(itl_errors, 0.99) * 1e3,
        doubtful_share=doubtful / len(chats),
        cpu_us_per_token=cpu / tokens * 1e6,
        beyond_bound_ms=beyond * 1e3,
    )


def median(results: list[Result]) -> Result:
    return Result(*(statistics.median(getattr(result, name) for result in results) for name in Result.__dataclass_fields__))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chats", type=int, default=2, help="chats on each stream in each run")
    parser.add_argument("--only", choices=("chatprobe", "watched", "aiohttp", "httpx"))
    parser.add_argument("--streams", type=int, help="this many streams alone, plain and over TLS, of 50 tokens a second each")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("needs two processor cores: one for the client, one for the server")
    settings = [Setting(50, False), Setting(200, False), Setting(500, False), Setting(50, True), Setting(200, True)]
    if options.streams:
        settings = [Setting(options.streams, tls) for tls in (False, True)]
    clients = [options.only] if options.only else ["chatprobe", "watched", "aiohttp", "httpx"]
    print("| Streams | Client | TTFT mean (true: 50.0 ms) | TTFT error p99 | ITL error p99 | Doubtful chats | CPU per token |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca, certificate = certificates(folder)
        for setting in settings:
            runs: dict[str, list[Result]] = {client: [] for client in clients if setting.streams <= MOST_STREAMS.get(client, setting.streams)}
            for _ in range(options.runs):
                for client, results in runs.items():
                    results.append(one_run(client, setting, options.chats, folder, certificate if setting.tls else None, ca))
            for client, results in runs.items():
                result = median(results)
                doubtful = f"{result.doubtful_share:.1%}" if client in ("chatprobe", "watched") else ""
                print(
                    f"| {setting} | {client} | {result.ttft_mean_ms:.1f} ms | {result.ttft_error_ms:.3f} ms | {result.itl_error_ms:.3f} ms"
                    f" | {doubtful} | {result.cpu_us_per_token:.0f} µs |",
                    flush=True,
                )
                if client in ("chatprobe", "watched"):
                    print(f"largest error beyond its own bound: {result.beyond_bound_ms:.3f} ms", file=sys.stderr)


if __name__ == "__main__":
    main()
