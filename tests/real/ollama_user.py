"""A user of a real Ollama beside `chatprobe serve`: whether anything is loaded for chatprobe, and what the user feels of it.

`python -m tests.real.ollama_user URL [SECONDS]` measures in alternating blocks, alone and beside it, and prints both.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

MODEL = "tiny"
CONTEXT = 2048
"""Not the server's default, which is 4096 for little memory: a chat that says none would load the model anew."""
LOADED_WITHIN_SECONDS = 0.2
EVERY = "5s"
BLOCK_SECONDS = 10
"""So short that what else the machine does falls on both sides alike."""
FAR_AWAY = "2100"
"""A model that is kept for ever leaves in the 24th century."""
CONFIG = """\
web: {{listen: "127.0.0.1:{port}"}}
targets:
  ollama: {{backend: ollama, url: "{url}", model: {model}{more}}}
scenarios:
  beat: {{every: {every}, max_tokens: 16}}
"""


@dataclass(frozen=True)
class Felt:
    """What the user had of one chat, in seconds."""

    ttft_seconds: float
    load_seconds: float


@dataclass
class User:
    """Chats with a context of their own, and has the model kept in memory."""

    url: str
    felt: list[Felt] = field(default_factory=list)

    def ask(self, path: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=PATIENCE_SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def chat(self, model: str = MODEL, context: int | None = CONTEXT, **options: object) -> Felt:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Tell me something."}],
            "keep_alive": -1,
            "options": {"num_predict": 8, **({} if context is None else {"num_ctx": context}), **options},
        }
        began = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/chat", json.dumps(body).encode()), timeout=PATIENCE_SECONDS) as answer:
            answer.readline()
            ttft_seconds = time.monotonic() - began
            *_, last = answer.read().splitlines()
        felt = Felt(ttft_seconds, json.loads(last)["load_duration"] / 1e9)
        self.felt.append(felt)
        return felt

    def chats_for(self, seconds: float) -> list[Felt]:
        """Two a second."""
        until, before = time.monotonic() + seconds, len(self.felt)
        while time.monotonic() < until:
            self.chat()
            time.sleep(0.5)
        return self.felt[before:]

    def unload(self, model: str) -> None:
        self.ask("/api/chat", {"model": model, "messages": [], "keep_alive": 0})
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(one["name"].startswith(f"{model}:") for one in self.in_memory()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def in_memory(self) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = self.ask("/api/ps")["models"]
        return models

    @property
    def loads(self) -> int:
        """How often the model was loaded for a chat of the user, the first included."""
        return sum(one.load_seconds > LOADED_WITHIN_SECONDS for one in self.felt)


@dataclass(frozen=True)
class Serving:
    """`chatprobe serve`, which can be made to hold its breath with all its processes."""

    web: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def paused(self) -> Iterator[None]:
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


@contextmanager
def beside(url: str, *, every: str, model: str = MODEL, more: str = "") -> Iterator[Serving]:
    """`chatprobe serve` with one target, which has `more` in its settings."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chatprobe.yaml"
        file.write_text(CONFIG.format(port=port, url=url, model=model, every=every, more=more))
        command = [sys.executable, "-m", "cli", "serve", "--config", str(file)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield Serving(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def counted(web: str, sample: str) -> float:
    """The sum of what `serve` counts under this name, with these labels at the least (`name{label="value"}`); 0 before it answers."""
    name, _, label = sample.rstrip("}").partition("{")
    try:
        with urllib.request.urlopen(f"{web}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0
    return sum(float(line.split(" ")[-1]) for line in lines if line.partition("{")[0] == name and label in line)


def first_chat(web: str) -> None:
    """Wait until `serve` has begun: to start takes the processors, and is not what users feel for days."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while counted(web, "chatprobe_probes_total") < 1 and time.monotonic() < deadline:
        time.sleep(0.2)


def measure(url: str, seconds: float) -> None:
    """Print what a user felt alone and beside `serve`, and what was loaded."""
    user = User(url)
    user.chat()
    alone: list[Felt] = []
    together: list[Felt] = []
    with beside(url, every=EVERY) as serving:
        first_chat(serving.web)
        for _ in range(round(seconds / BLOCK_SECONDS)):
            together += user.chats_for(BLOCK_SECONDS)
            with serving.paused():
                alone += user.chats_for(BLOCK_SECONDS)
        ended, unwanted = (counted(serving.web, name) for name in ("chatprobe_probes_total", "chatprobe_unwanted_loads_total"))
    for name, felt in (("alone", alone), ("beside serve", together)):
        ttft = sorted(one.ttft_seconds * 1000 for one in felt)
        low, middle, high = statistics.quantiles(ttft, n=4)
        loads = sum(one.load_seconds > LOADED_WITHIN_SECONDS for one in felt)
        print(f"{name:<13}{len(felt)} chats  TTFT p25 {low:.2f}  p50 {middle:.2f}  p75 {high:.2f} ms  loads {loads}")
    kept = [(one["name"], one["context_length"], one["expires_at"][:4]) for one in user.in_memory()]
    print(f"chatprobe    {ended:.0f} chats  unwanted loads {unwanted:.0f}  in memory {kept}")


if __name__ == "__main__":
    measure(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 300)
