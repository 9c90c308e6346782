"""A chat whose reads the main process does not take."""

from __future__ import annotations

import socket

import pytest

from probes.ask import Timeouts
from probes.backends import form
from probes.failure import Reason
from probes.wire.body import HELD_BYTES
from probes.wire.clock import HeldOffset
from probes.wire.connection import Connection
from probes.wire.exchange import Exchange
from probes.wire.loop import Loop
from probes.wire.order import Address, Ending, Order
from probes.wire.packed import Packed
from tests.answers import chunk, head, token

TOTAL_SECONDS = 60
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(("has_room", "reason"), [(False, Reason.INTERNAL), (True, Reason.TIMEOUT)])
def test_time_that_runs_out_is_our_fault_only_where_the_chat_was_held_up(has_room: bool, reason: Reason) -> None:
    now_ns = SECOND_NS
    loop = Loop(lambda: now_ns)
    client, server = socket.socketpair()
    client.setblocking(False)
    endings: list[Ending] = []
    handed_over: list[Packed] = []

    def reads(_: int, packed: Packed) -> bool:
        handed_over.append(packed)
        loop.later(go_on)
        return has_room

    def go_on() -> None:
        nonlocal now_ns
        exchange.go_on()
        now_ns += (TOTAL_SECONDS + 1) * SECOND_NS

    def ended(ending: Ending) -> None:
        endings.append(ending)
        loop.stop()

    order = Order(1, Address("engine", 80), b"POST", form("vllm"), Timeouts(1, TOTAL_SECONDS, 2 * TOTAL_SECONDS, TOTAL_SECONDS))
    exchange = Exchange(
        loop,
        order,
        take=lambda _: Connection(client, HeldOffset(), loop.now_ns),
        keep=lambda *_: None,
        opens=lambda *_: pytest.fail("the connection was there"),
        sent=lambda *_: None,
        reads=reads,
        ended=ended,
    )
    exchange.start()
    tokens = chunk(token())
    server.sendall(head() + tokens * (2 * HELD_BYTES // len(tokens)))
    with server:
        loop.run()
    (ending,) = endings
    assert handed_over
    assert ending.failure is not None
    assert ending.failure.reason is reason
    assert ("the main process did not keep up" in ending.failure.detail) is not has_room
