"""The measuring worker: what it survives, and that nothing outside it moves a stamp."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import AsyncMock

import pytest

from probes.ask import Ask, Endpoint, Timeouts, Tls
from probes.failure import Reason
from probes.piece import Piece
from probes.probing import Prober
from probes.record import ChatRecord
from probes.wire import client
from probes.wire.order import Read
from tests.answers import DONE, END, chunk, head, stream, token
from tests.servers import Peer, Sent, Server, serving, within_patience
from tests.waiting import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=8, stall_seconds=8, total_seconds=10)
MS = 1_000_000
TOKENS = 40
GAP_SECONDS = 0.01


async def chat(prober: Prober, ask: Ask, server: Server) -> ChatRecord:
    return await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="worker", timeouts=TIMEOUTS)


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, PATIENCE_SECONDS)


def gone(pid: int) -> bool:
    """Whether the process ended; one that nobody has reaped yet counts."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def await_gone(pid: int) -> None:
    given_up = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not gone(pid):
        assert time.monotonic() < given_up, "the worker did not end"
        pause.wait(0.01)


class Hold:
    """A server whose chats begin with a token and go on once `go_on` is set."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.first = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token()))
        self.begun.release()
        self.first.set()
        within_patience(self.go_on)
        peer.send(chunk(DONE) + END)


async def test_a_killed_worker_fails_its_chats_and_is_started_again(ask: Ask) -> None:
    hold = Hold()
    async with Prober() as prober:
        with serving(hold) as server:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(3)]
            for _ in running:
                await asyncio.to_thread(hold.begun.acquire, timeout=PATIENCE_SECONDS)
            first_pid = prober.workers[0].pid
            assert first_pid is not None
            os.kill(first_pid, signal.SIGKILL)
            lost = await asyncio.gather(*running)
            hold.go_on.set()
            following = await chat(prober, ask, server)
        assert prober.running
        assert prober.workers[0].pid != first_pid
    assert [record.reason for record in lost] == [Reason.INTERNAL] * 3
    assert following.outcome == "ok"


async def test_a_chat_whose_tls_settings_cannot_be_used_ends_when_it_begins(ask: Ask) -> None:
    async with Prober() as prober:
        endpoint = Endpoint("engine", "vllm", "https://127.0.0.1:1", tls=Tls(ca_file=__file__))
        record = await prober.chat(endpoint, ask, scenario="worker", timeouts=TIMEOUTS)
    assert (record.reason, record.e2e_seconds) == (Reason.TLS, 0)


async def test_leaving_the_prober_ends_the_worker_and_cancels_its_chats(ask: Ask) -> None:
    hold = Hold()
    with serving(hold) as server:
        async with Prober() as prober:
            running = asyncio.create_task(chat(prober, ask, server))
            await until(hold.first)
            pid = prober.workers[0].pid
        record = await running
        hold.go_on.set()
    assert pid is not None
    assert gone(pid)
    assert (record.outcome, record.reason) == ("cancelled", None)
    assert not prober.running


async def test_the_worker_ends_with_the_main_process() -> None:
    program = (
        "import asyncio, os, signal\n"
        "from probes.probing import Prober\n"
        "async def main():\n"
        "    async with Prober() as prober:\n"
        "        print(prober.workers[0].pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - its output is awaited below
    assert process.stdout is not None
    with process.stdout:
        pid = int(await asyncio.to_thread(process.stdout.readline))
        process.kill()
        process.wait()
        await asyncio.to_thread(await_gone, pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_what_ends_all_processes_at_once_does_not_reach_the_worker(prober: Prober, ask: Ask, number: signal.Signals) -> None:
    """Ctrl-C reaches the whole group, a stop by systemd (systemd.kill(5), `control-group`) all processes of the unit."""
    hold = Hold()
    with serving(hold) as server:
        running = asyncio.create_task(chat(prober, ask, server))
        await until(hold.first)
        pid = prober.workers[0].pid
        assert pid is not None
        os.kill(pid, number)
        hold.go_on.set()
        record = await running
    assert record.outcome == "ok"
    assert prober.workers[0].pid == pid


async def test_cancelling_all(prober: Prober, ask: Ask) -> None:
    hold = Hold()
    with serving(hold) as server:
        running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(5)]
        for _ in running:
            await asyncio.to_thread(hold.begun.acquire, timeout=PATIENCE_SECONDS)
        prober.cancel_all()
        records = await asyncio.gather(*running)
        hold.go_on.set()
    assert [(record.outcome, record.reason) for record in records] == [("cancelled", None)] * 5
    assert all(record.ttft_seconds is not None for record in records)
    assert all(sum(seconds or 0 for seconds in record.phases().values()) == pytest.approx(record.e2e_seconds, abs=1e-9) for record in records)


async def test_a_cancelled_caller_ends_its_chat(prober: Prober, ask: Ask) -> None:
    left = threading.Event()
    begun = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token()))
        begun.set()
        peer.await_client_gone()
        left.set()

    with serving(script) as server:
        running = asyncio.create_task(chat(prober, ask, server))
        await until(begun)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(left)


async def test_a_wave_of_chats(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(stream(token("a", 1), token("b", 2)))

    with serving(script) as server:
        records = await asyncio.gather(*(chat(prober, ask, server) for _ in range(200)))
    assert [record.outcome for record in records] == ["ok"] * 200
    assert len({record.request_id for record in records}) == 200
    assert all(record.output_tokens == 2 for record in records)
    assert len(server.requests) == 200


async def test_a_long_stream_is_handed_over_in_slices(prober: Prober, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a running chat has brought is parsed while it runs, so that memory stays bounded."""
    handed = threading.Event()
    handed_over = prober._workers._clients[0]._on_reads

    def spy(number: int, reads: list[Read]) -> None:
        handed_over(number, reads)
        handed.set()

    monkeypatch.setattr(prober._workers._clients[0], "_on_reads", spy)
    long = token("x" * 8_000)

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head())
        for _ in range(20):
            peer.send(chunk(long))
        within_patience(handed)
        peer.send(chunk(DONE) + END)
        peer.await_client_gone()

    with serving(script) as server:
        record = await chat(prober, ask, server)
    assert record.outcome == "ok"
    assert (len(record.chunks), len(record.text)) == (20, 160_000)


def paced(peer: Peer) -> None:
    """Sends tokens 10 ms apart, each in a segment of its own; `server.sent` holds when."""
    _paced(peer, range(TOKENS))


def _paced(peer: Peer, tokens: Iterable[int]) -> None:
    peer.request()
    peer.send(head())
    peer.server.sent.clear()
    pause = threading.Event()
    for _ in tokens:
        pause.wait(GAP_SECONDS)
        peer.send(chunk(token()))
    peer.send(chunk(DONE) + END)
    peer.await_client_gone()


def assert_stamps_are_those_of_the_kernel(record: ChatRecord, sent: list[Sent]) -> None:
    """Each chunk arrived within its send, but for a millisecond."""
    assert (record.outcome, record.clock) == ("ok", "kernel")
    assert len(record.chunks) == TOKENS
    for arrived, sending in zip(record.chunks, sent, strict=False):
        assert sending.before_ns - MS <= arrived.arrived_ns <= sending.after_ns + arrived.error_ns + MS


async def test_a_held_main_process_does_not_move_the_stamps(prober: Prober, ask: Ask) -> None:
    """The event loop stands still for most of the chat."""
    with serving(paced) as server:
        running = asyncio.create_task(chat(prober, ask, server))
        given_up = time.monotonic() + PATIENCE_SECONDS
        while not server.sent:
            assert time.monotonic() < given_up
            await asyncio.sleep(0.001)
        while len(server.sent) < TOKENS // 2:
            assert time.monotonic() < given_up
            time.sleep(0.001)  # noqa: ASYNC251 - it is the point to hold the loop
        record = await running
    assert_stamps_are_those_of_the_kernel(record, server.sent)


@contextmanager
def hog(core: int) -> Iterator[None]:
    """A process that takes all it can get of one core, at the worker's own priority."""
    program = f"import os\nos.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_hog_on_the_workers_core_does_not_move_the_stamps(ask: Ask) -> None:
    core = min(os.sched_getaffinity(0))
    async with Prober() as prober:
        assert prober.workers[0].pid is not None
        os.sched_setaffinity(prober.workers[0].pid, {core})
        with serving(paced) as server, hog(core):
            record = await chat(prober, ask, server)
    assert_stamps_are_those_of_the_kernel(record, server.sent)


async def test_a_stopped_worker_reads_late_but_stamps_right(prober: Prober, ask: Ask) -> None:
    """Stopped in mid-chat, it finds many chunks waiting; the bound of each says how much earlier than its stamp it may have come."""
    stopped = threading.Event()

    def waits_for_the_stop() -> Iterator[int]:
        for number in range(TOKENS):
            assert number != TOKENS // 4 or stopped.wait(PATIENCE_SECONDS)
            yield number

    with serving(lambda peer: _paced(peer, waits_for_the_stop())) as server:
        running = asyncio.create_task(chat(prober, ask, server))
        pid = prober.workers[0].pid
        assert pid is not None
        given_up = time.monotonic() + PATIENCE_SECONDS
        while len(server.sent) < TOKENS // 4:
            assert time.monotonic() < given_up
            await asyncio.sleep(0.001)
        os.kill(pid, signal.SIGSTOP)
        stopped.set()
        try:
            while len(server.sent) < TOKENS // 2:
                assert time.monotonic() < given_up
                await asyncio.sleep(0.001)
        finally:
            os.kill(pid, signal.SIGCONT)
        record = await running
    assert record.outcome == "ok"
    assert record.clock == "kernel"
    assert record.doubtful
    for arrived, sending in zip(record.chunks, server.sent, strict=False):
        assert arrived.arrived_ns - arrived.error_ns - MS <= sending.after_ns
        assert arrived.arrived_ns >= sending.before_ns - MS
    assert all(earlier.arrived_ns <= later.arrived_ns for earlier, later in pairwise(record.chunks))


async def test_a_worker_that_hangs_is_replaced(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEAD_BEATS", 5)
    hold = Hold()
    async with Prober() as prober:
        await eventually(lambda: prober.workers[0].answers)
        with serving(hold) as server:
            running = asyncio.create_task(chat(prober, ask, server))
            await until(hold.first)
            pid = prober.workers[0].pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            assert (await running).reason is Reason.INTERNAL
            hold.go_on.set()
            assert (await chat(prober, ask, server)).outcome == "ok"


class Occupied:
    """Whoever looks on keeps the main process from reading, from when the request went out until long after the chat ended."""

    def __init__(self, ended: threading.Event, seconds: float) -> None:
        self._ended = ended
        self._seconds = seconds

    def sent(self, _: int) -> None:
        within_patience(self._ended)
        time.sleep(self._seconds)

    def hear(self, _: Piece) -> None:
        pass


async def test_a_worker_is_not_taken_to_hang_where_nobody_read_what_it_said(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OVERDUE_SECONDS", 1.0)
    monkeypatch.setattr(client, "DEAD_BEATS", 2)
    left = threading.Event()

    def silent(peer: Peer) -> None:
        peer.request()
        peer.sock.recv(1)
        left.set()

    limits = Timeouts(connect_seconds=1, first_token_seconds=0.1, stall_seconds=1, total_seconds=0.2)
    async with Prober() as prober:
        await eventually(lambda: prober.workers[0].answers)
        with serving(silent) as server:
            pid = prober.workers[0].pid
            endpoint, occupied = Endpoint("engine", "vllm", server.url), Occupied(left, 2.5)
            record = await prober.chat(endpoint, ask, scenario="worker", timeouts=limits, onlooker=occupied)
        assert prober.workers[0].pid == pid
    assert record.reason in (Reason.FIRST_TOKEN_TIMEOUT, Reason.TIMEOUT)


class Standstill:
    """Keeps the main process from reading until the server cannot send any more, and then for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sent_meanwhile: int | None = None
        self.server: Server | None = None

    def sent(self, _: int) -> None:
        assert self.server is not None
        number, since = -1, time.monotonic()
        while time.monotonic() - since < self.seconds:
            if len(self.server.sent) != number:
                number, since = len(self.server.sent), time.monotonic()
            time.sleep(0.01)
        self.sent_meanwhile = number

    def hear(self, _: Piece) -> None:
        pass


async def test_what_the_main_process_does_not_take_waits_in_the_socket(prober: Prober, ask: Ask) -> None:
    """Nothing of it is lost, no timeout is judged by what was not read, and the record tells by how long the chat may have been held up."""
    tokens, stall_seconds = 4_000, 2.0
    frame = chunk(token("x" * 8_000))

    def pours(peer: Peer) -> None:
        peer.request()
        peer.send(head())
        for _ in range(tokens):
            peer.send(frame)
        peer.send(chunk(DONE) + END)
        peer.await_client_gone()

    limits = Timeouts(connect_seconds=5, first_token_seconds=30, stall_seconds=stall_seconds, total_seconds=60)
    standstill = Standstill(stall_seconds + 1)
    with serving(pours) as server:
        standstill.server = server
        record = await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="worker", timeouts=limits, onlooker=standstill)
    assert standstill.sent_meanwhile is not None
    assert standstill.sent_meanwhile < tokens
    assert (record.outcome, record.clock, len(record.chunks)) == ("ok", "kernel", tokens)
    assert record.max_timing_error_seconds > standstill.seconds
    for arrived, sending in zip(record.chunks, server.sent[1:], strict=False):
        assert arrived.arrived_ns >= sending.before_ns - MS


async def test_the_main_process_learns_how_late_reads_were(prober: Prober, ask: Ask) -> None:
    before = prober.lateness
    with serving(paced) as server:
        assert (await chat(prober, ask, server)).outcome == "ok"
    await eventually(lambda: prober.lateness.reads - before.reads >= TOKENS)
    after = prober.lateness
    assert before.delay_ns < after.delay_ns
    assert before.late <= after.late <= after.reads


async def test_a_worker_that_cannot_be_started_is_tried_again(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = OSError(errno.EAGAIN, "no more processes")
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", AsyncMock(side_effect=refused))
        prober = Prober()
        starting = asyncio.create_task(prober.__aenter__())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not prober.running
    try:
        await asyncio.wait_for(starting, PATIENCE_SECONDS)
        with serving(paced) as server:
            assert (await chat(prober, ask, server)).outcome == "ok"
    finally:
        await prober.__aexit__(None, None, None)
