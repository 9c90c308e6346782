"""Benchmark runs that are started in the API of `chatprobe serve`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from cli.bench_started import KEPT_LINES, StartedBench, _options, _Run
from cli.given import Given
from exporter.web.api.models import RunAsked, RunState
from exporter.web.api.runs import RunRefusedError
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
    asked = {"preset": "custom", "duration_seconds": 6, "rounds": 1, "targets": ["vllm"]}
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


ASKED = RunAsked()
PATIENT = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(130))\nprint('begins', flush=True)\ntime.sleep(3600)"
STUBBORN = PATIENT.replace("lambda *_: sys.exit(130)", "signal.SIG_IGN")


async def begun(code: str) -> _Run:
    run = _Run("1", ASKED, datetime.now(UTC))
    await run.begin([sys.executable, "-c", code])
    return run


async def ended(run: _Run) -> RunState:
    async with asyncio.timeout(PATIENCE_SECONDS):
        state = run.state
        while state.ended_at is None:
            state = await run.after(state)
    return state


@pytest.mark.parametrize(("code", "state"), [(0, "done"), (1, "failed"), (2, "failed"), (130, "cancelled")])
async def test_how_a_run_ends(code: int, state: str) -> None:
    found = await ended(await begun(f"import sys; print('said'); sys.exit({code})"))
    assert (found.state, found.exit_code, found.lines) == (state, code, ["said"])


async def test_a_run_is_cancelled_once_it_is_told() -> None:
    run = await begun(PATIENT)
    await run.after(run.state)
    run.cancel()
    assert run.state.state == "stopping"
    found = await ended(run)
    assert (found.state, found.exit_code, found.lines) == ("cancelled", 130, ["begins"])
    run.cancel()
    assert run.state == found


async def test_a_run_that_does_not_end_is_killed_when_chatprobe_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.bench_started.ENDS_WITHIN_SECONDS", 0.1)
    run = await begun(STUBBORN)
    await run.after(run.state)
    await run.close()
    assert (run.state.state, run.state.exit_code) == ("cancelled", -signal.SIGKILL)


async def test_much_that_is_said_is_cut() -> None:
    found = await ended(await begun("print('x' * 5_000_000); [print(number) for number in range(1000)]"))
    assert len(found.lines) == KEPT_LINES
    assert found.lines[-1] == "999"


async def test_a_second_run_waits_for_its_turn_and_old_ones_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StartedBench([tmp_path / "none.yaml"], [Given("vllm", "http://127.0.0.1:9")], tmp_path)
    monkeypatch.setattr("cli.bench_started._options", lambda asked: ["bogus"])
    first = await bench.start(ASKED)
    with pytest.raises(RunRefusedError, match="another run goes on") as refused:
        await bench.start(ASKED)
    assert refused.value.busy
    await bench.close()
    assert bench.get(first.id) == bench.all()[0]
    assert bench.get("7") is None


async def test_without_the_extra_none_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.bench_started.missing", lambda extra: f"the extra {extra!r}")
    with pytest.raises(RunRefusedError, match="benchmark runs need the extra 'bench'") as refused:
        await StartedBench([], [], tmp_path).start(ASKED)
    assert not refused.value.busy


def test_what_is_asked_for_becomes_options() -> None:
    asked = RunAsked(preset="stress", targets=["a", "b/c"], duration_seconds=90, rounds=3, users=7)
    assert _options(asked) == ["stress", "--no-progress", "--targets=a,b/c", "--duration=90s", "--rounds=3", "--users=7"]
    assert _options(ASKED) == ["quick", "--no-progress"]
