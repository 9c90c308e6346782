"""Benchmark runs that are started in the API of `chatprobe serve`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    folder = tmp_path_factory.mktemp("serve")
    engine, own = free_port(), free_port()
    (folder / "chatprobe.yaml").write_text(f"""
        web: {{listen: "127.0.0.1:{own}"}}
        targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:{engine}"}}}}
        scenarios: {{heartbeat: {{every: 1h, prompt: {{text: Hello}}, max_tokens: 4}}}}
        bench: {{levels: [{{users: 1}}], warm_up: 1s, pause: 100ms}}
    """)
    commands = [
        ["simulate", "vllm", "--port", str(engine)],
        ["serve", "--config", str(folder / "chatprobe.yaml"), "--output-dir", str(folder / "results"), "--log-level", "warning"],
    ]
    processes = [subprocess.Popen([sys.executable, "-m", "cli", *command], stdout=subprocess.DEVNULL) for command in commands]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{own}/", timeout=PATIENCE_SECONDS) as client:
            ready(client)
            yield client, folder / "results"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(PATIENCE_SECONDS) for process in processes][1] == 0


def ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if client.get("-/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("it does not start")


def followed(client: httpx.Client, run: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"api/v1/runs/{run}/live") as stream:
        return [orjson.loads(line) for line in stream.iter_lines()]


def test_a_run_is_started_followed_and_kept(api: tuple[httpx.Client, Path]) -> None:
    client, results = api
    asked = {"preset": "custom", "duration_seconds": 8, "rounds": 1, "targets": ["vllm"]}
    begun = client.post("api/v1/runs", json=asked)
    assert begun.status_code == 202
    assert begun.json()["asked"] == {**asked, "users": None}
    busy = client.post("api/v1/runs", json=asked)
    assert (busy.status_code, busy.json()["detail"]) == (409, "another run goes on; wait for its end, or cancel it.")
    states = followed(client, begun.json()["id"])
    assert states[0]["state"] == "running"
    assert (states[-1]["state"], states[-1]["exit_code"]) == ("done", 0), states[-1]["lines"]
    assert any("chatprobe results show" in line for line in states[-1]["lines"])
    (folder,) = results.iterdir()
    assert orjson.loads((folder / "manifest.json").read_bytes())["state"] == "complete"
    assert client.get("api/v1/runs").json() == [states[-1]]


def test_a_run_is_cancelled_and_what_was_measured_is_kept(api: tuple[httpx.Client, Path]) -> None:
    client, _ = api
    run = client.post("api/v1/runs", json={"preset": "custom", "duration_seconds": 600, "rounds": 3}).json()["id"]
    with client.stream("GET", f"api/v1/runs/{run}/live") as stream:
        for line in stream.iter_lines():
            if orjson.loads(line)["lines"]:
                break
    assert client.delete(f"api/v1/runs/{run}").json()["state"] == "stopping"
    client.delete(f"api/v1/runs/{run}")
    assert followed(client, run)[-1]["state"] == "cancelled"


def test_what_cannot_be_run_says_why(api: tuple[httpx.Client, Path]) -> None:
    client, _ = api
    run = client.post("api/v1/runs", json={"targets": ["nobody"]}).json()["id"]
    ended = followed(client, run)[-1]
    assert (ended["state"], ended["exit_code"]) == ("failed", 2)
    assert any("nobody is no target" in line for line in ended["lines"])
