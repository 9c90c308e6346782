"""The liveness probe of TGI's chart, as it is rendered, before a router that a test plays, and before the simulated one."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from simulator import Capacity, Latency, Options, simulated
from tests.helm.cluster import render
from tests.processes import free_port
from tests.simulator.raw import CHAT, ask, chat
from tests.waiting import PATIENCE_SECONDS

STUCK_SECONDS = 300


class Router(ThreadingHTTPServer):
    """Answers `/health` and `/metrics` as the test has them, and notes what else is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.health = 200
        self.waiting: int | None = 0
        self.calls: int | None = 17
        self.asked: set[str] = set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def page(self) -> str:
        lines = ["# TYPE tgi_queue_size gauge", f"tgi_queue_size {self.waiting}"] if self.waiting is not None else []
        if self.calls is not None:
            lines += ["# TYPE tgi_batch_inference_count counter"]
            lines += [f'tgi_batch_inference_count{{method="{method}"}} {self.calls}' for method in ("prefill", "decode")]
        return "\n".join([*lines, ""])


class _Handler(BaseHTTPRequestHandler):
    server: Router

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.add(self.path)
        status, body = (self.server.health, "") if self.path == "/health" else (200, self.server.page())
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def router() -> Iterator[Router]:
    with Router() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Probe:
    """The probe of one pod. `passes` seconds between two of its runs, by what it keeps of the time."""

    def __init__(self, port: int, state: Path, **probes: Any) -> None:
        deployment = render("tgi", {"probes": probes} if probes else {}).one("Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        *command, own_port, stuck, _ = container["livenessProbe"]["exec"]["command"]
        assert own_port == str(container["ports"][0]["containerPort"])
        self._command = [*command, str(port), stuck, str(state)]
        self._state = state

    def alive(self) -> bool:
        ended = subprocess.run(self._command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        assert ended.stderr == ""
        assert (ended.returncode, bool(ended.stdout)) in ((0, False), (1, True))
        return ended.returncode == 0

    def passes(self, seconds: int) -> None:
        since, _, calls = self._state.read_text().strip("\n").partition(" ")
        if since:
            self._state.write_text(f"{int(since) - seconds} {calls}\n")


@pytest.fixture
def probe(router: Router, tmp_path: Path) -> Probe:
    return Probe(router.port, tmp_path / "alive")


def test_a_router_whose_queue_only_grows_while_no_batch_is_computed_is_dead(router: Router, probe: Probe) -> None:
    for waiting in (1, 5):
        router.waiting = waiting
        assert probe.alive()
        probe.passes(STUCK_SECONDS // 2 - 10)
    router.waiting = 9
    assert probe.alive()
    probe.passes(20 + 2)
    assert not probe.alive()
    assert not probe.alive()
    router.calls = 18
    assert probe.alive()


def test_a_busy_one_is_alive_however_long_requests_wait(router: Router, probe: Probe) -> None:
    router.waiting = 500
    for calls in range(20):
        router.calls = calls
        assert probe.alive()
        probe.passes(STUCK_SECONDS - 5)


def test_an_idle_one_is_alive(router: Router, probe: Probe) -> None:
    for _ in range(3):
        assert probe.alive()
        probe.passes(10 * STUCK_SECONDS)
    router.waiting = 1  # the first request after a long rest
    assert probe.alive()


@pytest.mark.parametrize(("waiting", "calls"), [(None, None), (None, 3), (3, None)])
def test_what_is_not_told_kills_nothing_at_once(router: Router, probe: Probe, waiting: int | None, calls: int | None) -> None:
    """A fresh router's page is empty; backends of other engines tell no batches."""
    router.waiting, router.calls = waiting, calls
    assert probe.alive()
    probe.passes(STUCK_SECONDS - 5)
    assert probe.alive()


def test_its_own_word_goes_before_everything(router: Router, probe: Probe, tmp_path: Path) -> None:
    router.health = 503
    assert not probe.alive()
    assert not Probe(free_port(), tmp_path / "other").alive()


def test_it_can_ask_health_alone_and_asks_for_nothing_that_is_generated(router: Router, probe: Probe, tmp_path: Path) -> None:
    assert Probe(router.port, tmp_path / "other", stuckSeconds=0).alive()
    assert router.asked == {"/health"}
    assert probe.alive()
    assert router.asked == {"/health", "/metrics"}


def test_a_clock_that_was_set_back_kills_nothing(router: Router, probe: Probe) -> None:
    router.waiting = 3
    assert probe.alive()
    probe.passes(-3_600)
    assert probe.alive()
    probe.passes(STUCK_SECONDS - 5)
    assert probe.alive()


async def test_the_simulated_router_is_alive_while_it_is_overrun(tmp_path: Path) -> None:
    options = Options(latency=Latency(decode_seconds=0.01), capacity=Capacity(max_batch=1), answer_tokens=200)
    async with simulated("tgi", options) as engine:
        chats = [asyncio.create_task(ask(engine.url, "POST", CHAT, chat(200))) for _ in range(4)]
        probe = Probe(int(engine.url.rpartition(":")[2]), tmp_path / "alive")
        until = time.monotonic() + PATIENCE_SECONDS
        while "tgi_queue_size 3" not in (await ask(engine.url, "GET", "/metrics")).decode():
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        for _ in range(3):
            assert await asyncio.to_thread(probe.alive)
            probe.passes(STUCK_SECONDS - 5)
        for each in chats:
            each.cancel()
        await asyncio.gather(*chats, return_exceptions=True)
