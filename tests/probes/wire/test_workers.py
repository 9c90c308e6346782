"""Several measuring workers: who gets a chat, and that none of them notices what becomes of another."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.backends import form
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from probes.wire import client
from probes.wire.channel import Beat, Cancel, Incoming, ToWorker, encode
from probes.wire.delays import Lateness
from probes.wire.order import Address, Ending, Order
from probes.wire.workers import automatic, workers_for
from simulator import Capacity, Latency, Options, simulated
from tests.answers import DONE, END, chunk, head, stream, token
from tests.servers import Peer, Server, serving, within_patience
from tests.waiting import PATIENCE_SECONDS, eventually

TIMEOUTS = Timeouts(connect_seconds=60, first_token_seconds=100, stall_seconds=100, total_seconds=120)
STREAMS, TOKENS = 200, 20


async def chat(prober: Prober, ask: Ask, server: Server, pair_id: str | None = None) -> ChatRecord:
    return await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="workers", timeouts=TIMEOUTS, pair_id=pair_id)


@asynccontextmanager
async def probing(workers: int) -> AsyncIterator[Prober]:
    """A prober of which all workers have started."""
    async with Prober(workers) as prober:
        await eventually(lambda: all(worker.answers for worker in prober.workers))
        yield prober


def streams(prober: Prober) -> list[int]:
    return [worker.streams for worker in prober.workers]


def pids(prober: Prober) -> list[int]:
    found = [worker.pid for worker in prober.workers]
    return [pid for pid in found if pid is not None]


def there(pid: int) -> bool:
    """Whether there is such a process, one that nobody has reaped yet included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Hold:
    """A server whose chats begin with a token and go on once `go_on` is set. A connection holds one chat after the other."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(head() + chunk(token()))
            self.begun.release()
            within_patience(self.go_on)
            peer.send(chunk(DONE) + END)

    async def have_begun(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE_SECONDS)


def answering(peer: Peer) -> None:
    """Answers each chat at once."""
    while True:
        peer.request()
        peer.send(stream(token("a", 1), token("b", 2)))


@pytest.mark.parametrize(
    ("streams", "processors", "expected"),
    [(1, 64, 1), (500, 64, 1), (501, 64, 2), (2_000, 64, 4), (2_000, 4, 3), (2_000, 2.5, 1), (2_000, 1, 1), (2_000, 0.25, 1), (10_000, 8, 7)],
)
def test_how_many_there_are_by_themselves(streams: int, processors: float, expected: int) -> None:
    assert automatic(streams, processors) == expected


def test_a_number_is_taken_as_it_is() -> None:
    assert [workers_for(number, streams=1) for number in (1, 5)] == [1, 5]


def test_by_themselves_they_go_by_the_processors_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.wire.workers.processors", lambda: 4.0)
    assert workers_for("auto", streams=5_000) == 3


async def test_each_chat_goes_to_the_worker_that_has_fewest(ask: Ask) -> None:
    hold = Hold()
    async with probing(3) as prober:
        with serving(hold) as server:
            seen = []
            running = []
            for number in range(1, 7):
                running.append(asyncio.create_task(chat(prober, ask, server)))
                await hold.have_begun(1)
                seen.append(streams(prober))
                assert sum(seen[-1]) == number
            hold.go_on.set()
            records = await asyncio.gather(*running)
    assert seen == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 2]]
    assert [record.outcome for record in records] == ["ok"] * 6


async def test_chats_one_after_the_other_have_one_connection(ask: Ask) -> None:
    async with probing(3) as prober:
        with serving(answering) as server:
            records = [await chat(prober, ask, server) for _ in range(5)]
    assert [record.connection for record in records] == ["fresh", *["reused"] * 4]
    assert server.connections == 1


async def test_a_chat_goes_where_its_connection_is_though_that_worker_has_more(ask: Ask) -> None:
    hold = Hold()
    async with probing(2) as prober:
        with serving(answering) as server, serving(hold) as other:
            await chat(prober, ask, server)  # its connection stays with the first worker
            running = [asyncio.create_task(chat(prober, ask, other)) for _ in range(3)]
            await hold.have_begun(3)
            assert streams(prober) == [2, 1]
            record = await chat(prober, ask, server)
            hold.go_on.set()
            await asyncio.gather(*running)
    assert record.connection == "reused"
    assert server.connections == 1


async def test_connections_do_not_make_workers_uneven(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """All connections are with one worker, as after another was started again."""
    monkeypatch.setattr("probes.wire.workers.UNEVEN_STREAMS", 2)
    hold = Hold()
    async with probing(1) as prober:
        with serving(hold) as server:
            first = [asyncio.create_task(chat(prober, ask, server)) for _ in range(6)]
            await hold.have_begun(6)
            hold.go_on.set()
            await asyncio.gather(*first)
            hold.go_on.clear()
            prober.resize(2)
            await eventually(lambda: all(worker.answers for worker in prober.workers))
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(6)]
            await hold.have_begun(6)
            seen = streams(prober)
            hold.go_on.set()
            records = await asyncio.gather(*running)
    assert seen == [4, 2]
    assert sorted(record.connection or "" for record in records) == ["fresh"] * 2 + ["reused"] * 4


async def test_a_killed_worker_takes_its_own_chats_along_and_no_others(ask: Ask) -> None:
    hold = Hold()
    async with probing(3) as prober:
        with serving(hold) as server:
            running = []
            for _ in range(6):
                running.append(asyncio.create_task(chat(prober, ask, server)))
                await hold.have_begun(1)
            before = pids(prober)
            os.kill(before[1], signal.SIGKILL)
            lost = await asyncio.gather(running[1], running[4])
            assert not any(task.done() for task in (running[0], running[2], running[3], running[5]))
            hold.go_on.set()
            others = await asyncio.gather(running[0], running[2], running[3], running[5])
            await eventually(lambda: all(worker.answers for worker in prober.workers))
            after = pids(prober)
            following = await asyncio.gather(*(chat(prober, ask, server) for _ in range(3)))
            restarts = [worker.restarts for worker in prober.workers]
    assert [(record.outcome, record.reason) for record in lost] == [("failed", Reason.INTERNAL)] * 2
    assert [(record.outcome, record.connection, record.retries) for record in others] == [("ok", "fresh", 0)] * 4
    assert [record.outcome for record in following] == ["ok"] * 3
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]
    assert restarts == [0, 1, 0]


async def test_chats_go_round_a_worker_that_is_being_started_again(ask: Ask) -> None:
    """They would wait for it; the others have them at once."""
    async with probing(2) as prober:
        with serving(answering) as server:
            os.kill(pids(prober)[0], signal.SIGKILL)
            await eventually(lambda: not prober.workers[0].answers)
            records = [await chat(prober, ask, server) for _ in range(3)]
    assert [record.outcome for record in records] == ["ok"] * 3
    assert server.connections == 1


async def test_a_worker_that_hangs_is_replaced_and_the_others_never_notice(ask: Ask) -> None:
    hold = Hold()
    async with probing(2) as prober:
        with serving(hold) as server:
            running = []
            for _ in range(2):
                running.append(asyncio.create_task(chat(prober, ask, server)))
                await hold.have_begun(1)
            hung, well = pids(prober)
            os.kill(hung, signal.SIGSTOP)
            await eventually(lambda: not prober.workers[0].answers)
            assert prober.workers[0].pid == hung, "it is passed over before it is given up"
            meanwhile = asyncio.create_task(chat(prober, ask, server))
            await hold.have_begun(1)
            assert prober.workers[1].streams == 2
            lost = await running[0]
            assert not running[1].done()
            hold.go_on.set()
            others = await asyncio.gather(running[1], meanwhile)
            await eventually(lambda: all(worker.answers for worker in prober.workers))
            assert pids(prober)[1] == well
            assert not there(hung)
    assert lost.reason is Reason.INTERNAL
    assert [record.outcome for record in others] == ["ok", "ok"]


async def test_a_process_that_had_no_time_itself_does_not_take_its_worker_for_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the whole machine stood still: what counts is how often it has waited in vain."""
    monkeypatch.setattr(client, "BEAT_SECONDS", 0.01)
    killed: list[bool] = []
    one = client.WorkerClient(1, lambda _number, _seconds: None)
    monkeypatch.setattr(one, "_kill", lambda: killed.append(True))
    one._on_message(Beat(late_ns=0, clock_steps=0, lateness=Lateness()))
    watching = asyncio.create_task(one._kill_when_silent())
    await asyncio.sleep(0)
    threading.Event().wait(2 * client.DEAD_BEATS * client.BEAT_SECONDS)
    for _ in range(5):
        await asyncio.sleep(0)
    assert one._silent_beats == 1
    assert killed == []
    await asyncio.wait_for(watching, PATIENCE_SECONDS)
    assert killed == [True]


async def test_a_worker_of_which_nothing_is_ever_heard_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BEAT_SECONDS", 0.001)
    killed: list[int] = []
    one = client.WorkerClient(1, lambda _number, _seconds: None)
    monkeypatch.setattr(one, "_kill", lambda: killed.append(one._silent_beats))
    await asyncio.wait_for(one._kill_when_silent(), PATIENCE_SECONDS)
    assert killed == [client.START_BEATS]


async def test_where_a_listener_breaks_the_worker_is_started_again(ask: Ask) -> None:
    heard: list[int] = []

    def breaks_once(number: int, _seconds: float) -> None:
        heard.append(number)
        if len(heard) == 1:
            raise ValueError("broken")

    async with Prober(1, breaks_once) as prober:
        await eventually(lambda: prober.workers[0].restarts == 1 and prober.workers[0].answers)
        with serving(answering) as server:
            assert (await chat(prober, ask, server)).outcome == "ok"


async def test_a_chat_that_its_worker_loses_fails_as_internal(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.setattr(client, "OVERDUE_SECONDS", 0.0)
    one = client.WorkerClient(1, lambda _number, _seconds: None)
    one._ready.set()
    told: list[object] = []
    order = Order(0, Address("engine", 80), b"POST", form("vllm"), Timeouts(0.01, 0.01, 0.01, 0.01))

    def worker(data: bytes) -> None:
        """It forgets the order, and answers what it does not know of."""
        (message,) = Incoming().feed(data)
        told.append(message)
        if isinstance(message, Cancel):
            one._on_message(Ending(message.number, started_ns=1, ended_ns=2, cancelled=True))

    monkeypatch.setattr(one, "_send", worker)
    ending = await asyncio.wait_for(one.exchange(order, lambda _reads: True), PATIENCE_SECONDS)
    assert [type(message) for message in told] == [Order, Cancel]
    assert (ending.cancelled, ending.failure is not None and ending.failure.reason) == (False, Reason.INTERNAL)


async def test_steps_of_the_clock_that_a_leaving_worker_saw_go_on_counting(ask: Ask) -> None:
    hold = Hold()
    async with probing(2) as prober:
        with serving(hold) as server:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(2)]
            await hold.have_begun(2)
            prober._workers._clients[1]._on_message(Beat(late_ns=0, clock_steps=3, lateness=Lateness()))
            prober.resize(1)
            assert prober.clock_steps == 3
            hold.go_on.set()
            await asyncio.gather(*running)
        await eventually(lambda: len(prober.workers) == 1)
        assert prober.clock_steps == 3


@pytest.mark.parametrize("sides", [2, 3])
async def test_the_chats_of_a_pair_are_on_different_workers(ask: Ask, sides: int) -> None:
    hold = Hold()
    async with probing(sides) as prober:
        with serving(hold) as server, serving(answering) as other:
            # the worker with fewest streams is always the last one
            first = [asyncio.create_task(chat(prober, ask, server)) for _ in range(sides - 1)]
            await hold.have_begun(sides - 1)
            running = [asyncio.create_task(chat(prober, ask, server, pair_id="pair")) for _ in range(sides)]
            await hold.have_begun(sides)
            seen = streams(prober)
            hold.go_on.set()
            records = await asyncio.gather(*running, *first)
            assert (await chat(prober, ask, other, pair_id="pair")).outcome == "ok"
    assert seen == [*[2] * (sides - 1), 1]
    assert [record.outcome for record in records] == ["ok"] * (2 * sides - 1)


async def test_pairs_keep_their_connections_in_whatever_order_they_come(ask: Ask) -> None:
    async with probing(2) as prober:
        with serving(answering) as one, serving(answering) as two:
            rounds = []
            for number in range(6):
                order = (one, two) if number % 2 else (two, one)
                rounds.append(await asyncio.gather(*(chat(prober, ask, server, pair_id=f"pair {number}") for server in order)))
    assert [record.connection for pair in rounds for record in pair] == ["fresh"] * 2 + ["reused"] * 10
    assert (one.connections, two.connections) == (1, 1)


async def test_all_requests_of_a_pair_are_made_before_one_is_sent(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    send = client.WorkerClient._send

    def made(message: ToWorker) -> bytes:
        done.append("made")
        return encode(message)

    def sent(self: client.WorkerClient, data: bytes) -> None:
        done.append("sent")
        send(self, data)

    monkeypatch.setattr(client, "encode", made)
    monkeypatch.setattr(client.WorkerClient, "_send", sent)
    async with probing(3) as prober:
        with serving(answering) as server:
            await asyncio.gather(*(chat(prober, ask, server, pair_id="pair") for _ in range(3)))
    assert done == ["made"] * 3 + ["sent"] * 3


async def test_records_of_two_workers_are_whole_and_in_order(ask: Ask) -> None:
    """Some hundred streams at once: nothing is lost, and nothing of one chat is in another."""
    options = Options(
        latency=Latency(first_token_seconds=0.05, decode_seconds=0.02), answer_tokens=TOKENS, capacity=Capacity(max_batch=512, kv_blocks=65_536)
    )
    async with simulated("vllm", options) as engine, probing(2) as prober:
        endpoint = Endpoint("engine", "vllm", engine.url)
        held = [prober.chat(endpoint, ask, scenario="workers", timeouts=TIMEOUTS) for _ in range(STREAMS)]
        running = [asyncio.create_task(one) for one in held]
        await eventually(lambda: sum(streams(prober)) == STREAMS)
        shares = streams(prober)
        records = await asyncio.gather(*running)
    assert shares == [STREAMS // 2] * 2
    assert [record.failure for record in records] == [None] * STREAMS
    assert len({record.request_id for record in records}) == STREAMS
    for record in records:
        assert sum(each.tokens or 0 for each in record.chunks) == record.output_tokens
        assert all(earlier.arrived_ns <= later.arrived_ns for earlier, later in pairwise(record.chunks))
        assert record.sent_ns is not None
        assert record.started_ns <= record.sent_ns <= record.chunks[0].arrived_ns <= record.ended_ns


async def test_cancelling_all_reaches_every_worker(ask: Ask) -> None:
    hold = Hold()
    async with probing(3) as prober:
        with serving(hold) as server:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(6)]
            await hold.have_begun(6)
            prober.cancel_all()
            records = await asyncio.gather(*running)
            hold.go_on.set()
    assert [record.outcome for record in records] == ["cancelled"] * 6


async def test_leaving_the_prober_ends_all_workers_and_cancels_their_chats(ask: Ask) -> None:
    hold = Hold()
    with serving(hold) as server:
        async with probing(3) as prober:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(6)]
            await hold.have_begun(6)
            ended = pids(prober)
        records = await asyncio.gather(*running)
        hold.go_on.set()
    assert [record.outcome for record in records] == ["cancelled"] * 6
    assert len(ended) == 3
    assert not any(map(there, ended))
    assert not prober.running


async def test_a_worker_that_is_too_many_ends_with_its_last_chat(ask: Ask) -> None:
    hold = Hold()
    async with probing(2) as prober:
        with serving(hold) as server, serving(answering) as other:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(2)]
            await hold.have_begun(2)
            stays, goes = pids(prober)
            prober.resize(1)
            assert [(worker.pid, worker.streams, worker.leaving) for worker in prober.workers] == [(stays, 1, False), (goes, 1, True)]
            await chat(prober, ask, other)
            assert [worker.streams for worker in prober.workers] == [1, 1]
            hold.go_on.set()
            records = await asyncio.gather(*running)
            await eventually(lambda: pids(prober) == [stays])
            assert not there(goes)
    assert [record.outcome for record in records] == ["ok", "ok"]


async def test_more_workers_come_while_chats_go_on(ask: Ask) -> None:
    hold = Hold()
    async with probing(1) as prober:
        with serving(hold) as server:
            first = asyncio.create_task(chat(prober, ask, server))
            await hold.have_begun(1)
            prober.resize(3)
            prober.resize(2)
            prober.resize(2)
            await eventually(lambda: len(prober.workers) == 2 and all(worker.answers for worker in prober.workers))
            second = asyncio.create_task(chat(prober, ask, server))
            await hold.have_begun(1)
            assert streams(prober) == [1, 1]
            hold.go_on.set()
            records = await asyncio.gather(first, second)
    assert [record.outcome for record in records] == ["ok", "ok"]


async def test_each_worker_tells_how_late_its_loop_is() -> None:
    told: dict[int, float] = {}
    async with Prober(2, told.__setitem__):
        await eventually(lambda: len(told) == 2)
    assert set(told) == {1, 2}
    assert all(seconds >= 0 for seconds in told.values())


async def test_how_late_reads_were_is_of_all_workers_together(ask: Ask) -> None:
    hold = Hold()
    async with probing(2) as prober:
        with serving(hold) as server:
            running = [asyncio.create_task(chat(prober, ask, server)) for _ in range(2)]
            await hold.have_begun(2)
            hold.go_on.set()
            await asyncio.gather(*running)
        await eventually(lambda: prober.lateness.reads >= 4)
        before = prober.lateness
        prober.resize(1)
        await eventually(lambda: len(prober.workers) == 1)
        assert prober.lateness == before
