"""A chat that somebody looks on: the answer is told while it comes, and the record is what it always is."""

from __future__ import annotations

import asyncio
import threading

import pytest

from probes.ask import Ask, Endpoint
from probes.piece import Piece
from probes.probing import Prober
from tests.answers import DONE, END, FINISH, ROLE, chunk, delta, head, token
from tests.servers import Peer, serving, within_patience
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Looker:
    """Keeps what it is told, and says when something has come."""

    def __init__(self) -> None:
        self.instants: list[int] = []
        self.pieces: list[Piece] = []
        self.heard = threading.Event()

    def sent(self, sent_ns: int) -> None:
        self.instants.append(sent_ns)

    def hear(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.heard.set()


async def test_pieces_are_told_before_the_next_is_sent(prober: Prober, ask: Ask) -> None:
    looker = Looker()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head())
        for frame in (ROLE, token("one ", 1), token("two three", 3)):
            looker.heard.clear()
            peer.send(chunk(frame))
            if frame is not ROLE:
                within_patience(looker.heard)  # an answer that is told only at its end would leave the engine waiting here
        for frame in (FINISH, DONE):
            peer.send(chunk(frame))
        peer.send(END)

    with serving(script) as server:
        chat = prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", onlooker=looker)
        record = await asyncio.wait_for(chat, PATIENCE_SECONDS)
    assert [(piece.text, piece.tokens) for piece in looker.pieces] == [("one ", 1), ("two three", 2)]
    assert [piece.arrived_ns for piece in looker.pieces] == [one.arrived_ns for one in record.chunks]
    assert looker.instants == [record.sent_ns]
    assert (record.outcome, record.text, record.clock) == ("ok", "one two three", "kernel")


async def test_reasoning_is_told_apart(prober: Prober, ask: Ask) -> None:
    looker = Looker()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head())
        for frame in (delta(1, reasoning="hm"), token("yes", 2), FINISH, DONE):
            peer.send(chunk(frame))
        peer.send(END)

    with serving(script) as server:
        await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", onlooker=looker)
    assert [(piece.text, piece.reasoning) for piece in looker.pieces] == [("", "hm"), ("yes", "")]
