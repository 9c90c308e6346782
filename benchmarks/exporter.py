"""A whole exporter, as a process of its own beside simulated engines, and what it costs and counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

READY_SECONDS = 30.0


@contextmanager
def simulated(engine: str, *options: str, cpu: int | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A simulated engine; gives its URL and its process."""
    command = [sys.executable, "-m", "cli", "simulate", engine, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_pinned(cpu))
    assert process.stdout is not None
    try:
        url = next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
        yield url.rstrip("/"), process
    finally:
        process.kill()
        process.wait()


@dataclass
class Exporter:
    """A running exporter: its address, its processes, and the files of its configuration and of its records."""

    url: str
    process: psutil.Process
    file: Path
    records_file: Path

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def memory_mib(self) -> float:
        """Memory of all its processes, pages that they share counted in each."""
        return sum(one.memory_info().rss for one in self._processes()) / 2**20

    def metrics(self) -> dict[str, float]:
        """The samples of a scrape, by name, summed over their labels but for `reason`, which becomes a part of the name."""
        found: defaultdict[str, float] = defaultdict(float)
        for line in urllib.request.urlopen(f"{self.url}/metrics").read().decode().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                bare, _, labels = name.partition("{")
                reason = labels.partition('reason="')[2].partition('"')[0]
                found[f"{bare}:{reason}" if reason else bare] += float(value)
        return dict(found)

    def records(self) -> list[dict[str, Any]]:
        """Those that are written so far."""
        return [json.loads(line) for line in self.records_file.read_text().splitlines()]

    def _processes(self) -> Sequence[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def exporter(configuration: str, *, cpu: int | None = None) -> Iterator[Exporter]:
    """`chatprobe serve` with this configuration (YAML without `web`)."""
    with tempfile.TemporaryDirectory() as folder:
        file, records = Path(folder) / "chatprobe.yaml", Path(folder) / "records.ndjson"
        file.write_text(configuration)
        port = _free_port()
        command = [sys.executable, "-m", "cli", "serve", "--config", str(file), "--records", str(records), "--log-level", "warning"]
        started = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], preexec_fn=_pinned(cpu), start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url)
            yield Exporter(url, psutil.Process(started.pid), file, records)
        finally:
            started.terminate()
            started.wait(30)


def _pinned(cpu: int | None) -> Any:
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_until_ready(url: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/-/ready").read()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
