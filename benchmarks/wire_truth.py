"""Whether a record's bound holds: each chat of a whole exporter, compared with the packets themselves.

    python -m benchmarks.wire_truth [--streams 200] [--tls] [--beside hog] [--seconds 20] [--tokens 100] [--rate 20] [--keep FILE] [--picture PNG]

The exporter chats with the server of `truth_server.py`, while tcpdump captures loopback with stamps in nanoseconds (root). The server tells where in
the bytes of which connection a request and each token lay; the capture tells when the packet with that byte came. That is the truth: of TTFT, from
the packet with the request's first byte to the one with the last byte of the first token's event, or of its TLS record, and of each gap likewise.

What a record says is held against it: its error, and whether that is within the bound that the record states (`max_timing_error_seconds`). Conditions
are measured one after the other; `--keep` adds each to a file, `--picture` draws all that the file has, and `--show` does only that.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from benchmarks.accuracy import CLIENT_CPU, SERVER_CPU, certificates, percentile, server, truth_of
from benchmarks.capture import CaptureError, Connections, capturing
from benchmarks.exporter import Exporter, exporter
from benchmarks.truth_server import Truth

STREAMS = (50, 200, 500, 1000, 2000)
TOKENS = 100
MOST_TOKENS_PER_SECOND = 20_000
"""Over all streams, unless `--rate` says otherwise. Up to 400 streams each has 50 a second, then fewer."""
FASTEST_GAP_SECONDS = 0.02
RAMP_UP_SECONDS = 8.0
"""At least: longer chats begin spread over the length of one, or else they would go on in waves."""
TENTH_SECONDS = 0.1
CLOCK_SECONDS = 1e-6
"""How exactly the two clocks, that of `sent` and that of the stamps, can be compared: an error may exceed its bound by this.

The kernel stamps a packet for the capture, and once more, later, for the socket: mostly by less than this, by some 0.03 ms where it is interrupted
between, which is seen as an error beyond its bound.
"""


@dataclass(frozen=True)
class Condition:
    """`tokens` are those of each answer, `rate` is how many of them each stream has a second; None: as fast as all together may be."""

    streams: int
    tls: bool
    beside: str
    tokens: int = TOKENS
    rate: float | None = None

    def __str__(self) -> str:
        pace = "".join([f" of {self.tokens:,} tokens" if self.tokens != TOKENS else "", f", {self.rate:g} a second" if self.rate else ""])
        return f"| {BESIDE[self.beside].words} | {self.streams:,}{pace} | {'TLS' if self.tls else 'plain'}"

    @property
    def gap_seconds(self) -> float:
        return 1 / self.rate if self.rate else max(FASTEST_GAP_SECONDS, self.streams / MOST_TOKENS_PER_SECOND)

    @property
    def chat_seconds(self) -> float:
        return self.tokens * self.gap_seconds

    @property
    def ramp_up_seconds(self) -> float:
        return max(RAMP_UP_SECONDS, self.chat_seconds)


@dataclass(frozen=True)
class Judged:
    """One chat, in seconds. Errors are what the record says less the truth; `worst_gap_error` is that of the gap that is furthest off."""

    bound: float
    doubtful: bool
    ttft_error: float
    worst_gap_error: float

    @property
    def worst(self) -> float:
        return max(abs(self.ttft_error), abs(self.worst_gap_error))

    @property
    def beyond(self) -> float:
        """By how much it is further off than it says; 0 if it is not."""
        excess = self.worst - self.bound
        return excess if excess > CLOCK_SECONDS else 0.0


@dataclass(frozen=True)
class Finding:
    """All chats of a condition. Errors of gaps are absolute, in seconds.

    `open_streams` is how many were open on average. `unseen` are chats that could not be judged, since packets are missing in the capture.
    `lost_packets` is how many tcpdump says that it missed: these may be why chats are unseen.
    """

    condition: Condition
    open_streams: float
    chats: list[Judged]
    gaps: int
    gap_error_p99: float
    gap_error_max: float
    unseen: int
    lost_packets: int

    def row(self) -> str:
        """A line of the table, under `HEAD`."""
        ttft = [abs(chat.ttft_error) for chat in self.chats]
        bounds = [chat.bound for chat in self.chats]
        beyond = [chat.beyond for chat in self.chats if chat.beyond]
        cells = (
            f"{self.open_streams:,.0f}",
            f"{len(self.chats):,}",
            f"{self.gaps:,}",
            _ms(percentile(ttft, 0.5), percentile(ttft, 0.99), max(ttft)),
            _ms(self.gap_error_p99, self.gap_error_max),
            _ms(percentile(bounds, 0.5), percentile(bounds, 0.99), max(bounds)),
            f"{len(beyond)}, by {_ms(max(beyond))}" if beyond else "none",
            f"{sum(chat.doubtful for chat in self.chats) / len(self.chats):.1%}",
            f"{self.unseen:,}",
            f"{self.lost_packets:,} packets" if self.lost_packets else "none",
        )
        return f"{self.condition} | {' | '.join(cells)} |"


_COLUMNS = (
    *("Beside", "Streams", "", "Open", "Chats", "Gaps", "TTFT error p50 / p99 / most", "ITL error p99 / most"),
    *("Bound p50 / p99 / most", "Beyond it", "Doubtful", "Unseen", "The capture lost"),
)
HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


def _ms(*seconds: float) -> str:
    return " / ".join(f"{one * 1e3:.3f}" for one in seconds) + " ms"


@dataclass(frozen=True)
class Beside:
    """What goes on beside the chats. `pinned` says that chatprobe and the engine have a core of their own each."""

    words: str
    goes_on: Callable[[Exporter, threading.Event], None]
    pinned: bool = True


def nothing(_: Exporter, over: threading.Event) -> None:
    over.wait()


def hog(_: Exporter, over: threading.Event) -> None:
    """Something that computes all the time, on chatprobe's core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CPU}))
    over.wait()
    process.kill()
    process.wait()


def scrapes(running: Exporter, over: threading.Event) -> None:
    while not over.wait(TENTH_SECONDS):
        running.metrics()


def reloads(running: Exporter, over: threading.Event) -> None:
    """Another threshold each time, so that a reload has something to do."""
    text = running.file.read_text()
    thresholds = 0
    while not over.wait(TENTH_SECONDS):
        thresholds += 1
        running.file.write_text(f"{text}slos: {{first: {{scenario: chats, ttft: {100 + thresholds % 7}ms, objective: 99%}}}}\n")
        running.process.send_signal(signal.SIGHUP)


BESIDE = {
    "alone": Beside("nothing", nothing),
    "hog": Beside("a CPU hog on chatprobe's core", hog),
    "scrapes": Beside("ten scrapes a second", scrapes),
    "reloads": Beside("ten reloads a second", reloads),
    "engine": Beside("an engine that shares the cores", nothing, pinned=False),
}


def configuration(port: int, condition: Condition, ca: Path) -> str:
    scheme, trust = ("https", f", tls: {{ca_file: '{ca}'}}") if condition.tls else ("http", "")
    load = f"users: {condition.streams}, think_time: 500ms, ramp_up: {condition.ramp_up_seconds:g}s, max_tokens: {condition.tokens}"
    return (
        f"targets: {{truth: {{backend: vllm, url: '{scheme}://127.0.0.1:{port}', model: m, metrics: false{trust}}}}}\n"
        f"scenarios: {{chats: {{{load}}}}}\n"
        f"limits: {{streams: {condition.streams}, streams_per_target: {condition.streams}}}\n"
    )


def measured(condition: Condition, seconds: float) -> Finding:
    """Raises `CaptureError`."""
    beside = BESIDE[condition.beside]
    client, engine = (CLIENT_CPU, SERVER_CPU) if beside.pinned else (None, None)
    options = ("--tokens", str(condition.tokens), "--gap-seconds", str(condition.gap_seconds))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ca, certificate = certificates(folder)
        port, truths = stack.enter_context(server(certificate if condition.tls else None, *options, cpu=engine))
        with capturing(port, folder / "packets.pcap", engine) as capture:
            with exporter(configuration(port, condition, ca), cpu=client) as running:
                time.sleep(condition.ramp_up_seconds)
                with going_on(beside, running):
                    began_ns = time.time_ns()
                    time.sleep(seconds + condition.chat_seconds)
                    ended_ns = time.time_ns()
                records = running.records()
            known = truth_of(truths, folder)
        ended = [record for record in records if record["outcome"] == "ok" and known[record["request_id"]].arrived_ns > began_ns]
        streams = open_streams(known.values(), began_ns, ended_ns)
        return judged(condition, streams, ended, known, capture.connections(), capture.lost)


@contextmanager
def going_on(beside: Beside, running: Exporter) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=beside.goes_on, args=(running, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def open_streams(truths: Iterable[Truth], began_ns: int, ended_ns: int) -> float:
    """How many streams were open on average between two instants."""
    spans = [(truth.arrived_ns, truth.sent_ns[-1][1]) for truth in truths if truth.sent_ns]
    return sum(max(0, min(last_ns, ended_ns) - max(first_ns, began_ns)) for first_ns, last_ns in spans) / (ended_ns - began_ns)


def judged(
    condition: Condition, streams: float, records: Iterable[dict[str, Any]], truths: dict[str, Truth], connections: Connections, lost_packets: int
) -> Finding:
    """Holds each record against the capture."""
    chats: list[Judged] = []
    gap_errors: list[float] = []
    unseen = 0
    for record in records:
        instants_ns = came(truths[record["request_id"]], connections)
        if instants_ns is None:
            unseen += 1
            continue
        sent_ns, *tokens_ns = instants_ns
        said = [seconds for seconds, _ in record["chunks"]]
        assert len(said) == len(tokens_ns), f"{len(said)} chunks of {len(tokens_ns)}"
        gaps = [(b - a) - (true_b - true_a) / 1e9 for (a, b), (true_a, true_b) in zip(pairwise(said), pairwise(tokens_ns), strict=True)]
        ttft_error = record["ttft_seconds"] - (tokens_ns[0] - sent_ns) / 1e9
        chats.append(Judged(record["max_timing_error_seconds"], record["doubtful"], ttft_error, max(gaps, key=abs)))
        gap_errors += map(abs, gaps)
    if not chats:
        raise CaptureError(f"no chat ended that the capture has whole, and {unseen} that it has not; measure for longer, or fewer streams")
    return Finding(condition, streams, chats, len(gap_errors), percentile(gap_errors, 0.99), max(gap_errors), unseen, lost_packets)


def came(truth: Truth, connections: Connections) -> list[int] | None:
    """When the packet with the request's first byte came, and those with the last byte of each token; None if the capture lacks one."""
    connection = connections.of(truth.port, truth.arrived_ns)
    if connection is None:
        return None
    found = [connection.client.came_ns(truth.request_begin), *(connection.server.came_ns(end - 1) for end in truth.token_ends)]
    known = [instant_ns for instant_ns in found if instant_ns is not None]
    return known if len(known) == len(found) else None


def keep(finding: Finding, file: Path) -> None:
    with file.open("a") as out:
        out.write(json.dumps(asdict(finding)) + "\n")


def kept(file: Path) -> list[Finding]:
    """What was kept, of each condition what was measured last."""
    found: dict[Condition, Finding] = {}
    for line in file.read_text().splitlines():
        told = json.loads(line)
        condition = Condition(**told.pop("condition"))
        found[condition] = Finding(condition=condition, chats=[Judged(**chat) for chat in told.pop("chats")], **told)
    return sorted(
        found.values(),
        key=lambda one: (list(BESIDE).index(one.condition.beside), one.condition.tls, one.condition.streams, one.condition.chat_seconds),
    )


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what it started is ended too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=STREAMS)
    parser.add_argument("--beside", choices=BESIDE, nargs="+", default=list(BESIDE))
    parser.add_argument("--tls", action=argparse.BooleanOptionalAction, help="over TLS alone, or plain alone; left out: both")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of each answer")
    parser.add_argument("--rate", type=float, help="tokens a second of each stream; left out: 50, or 20,000 of all streams together")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each condition, beside ramping up and a chat's length")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add what is found to this file")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw what was found; with --keep, all that the file has")
    parser.add_argument("--show", action="store_true", help="measure nothing: print, and draw, what the file of --keep has")
    options = parser.parse_args()
    if options.show and not options.keep:
        parser.error("--show needs --keep FILE")
    print(HEAD, flush=True)
    if options.show:
        print(*(finding.row() for finding in kept(options.keep)), sep="\n")
    found = [] if options.show else measure(options)
    if options.picture:
        from benchmarks.wire_picture import draw

        draw(kept(options.keep) if options.keep else found, options.picture)


def measure(options: argparse.Namespace) -> list[Finding]:
    """Each condition in turn; its row is printed, and kept, once it is known."""
    found = []
    for beside, tls, streams in product(options.beside, (False, True) if options.tls is None else (options.tls,), options.streams):
        try:
            finding = measured(Condition(streams, tls, beside, options.tokens, options.rate), options.seconds)
        except CaptureError as error:
            sys.exit(f"wire_truth: {error}")
        found.append(finding)
        print(finding.row(), flush=True)
        if options.keep:
            keep(finding, options.keep)
    return found


if __name__ == "__main__":
    main()
