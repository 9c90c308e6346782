"""What a connection reads, and when it says that it arrived."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.wire.clock import DELIVERY_NS, HeldOffset
from probes.wire.connection import READ_SIZE, Connection, TlsLayer

if TYPE_CHECKING:
    import trustme

    from tests.probes.wire.conftest import Lines

SLACK_NS = 100_000
"""How far the held offset and the two clocks may be apart."""


def test_a_segment_is_stamped_when_it_was_sent_not_when_it_was_read(line: Lines) -> None:
    chat = line()
    before, after = chat.send(b"token")
    threading.Event().wait(0.03)
    received = chat.receive()
    assert received.data == b"token"
    assert received.kernel
    assert received.exact
    assert before - SLACK_NS <= received.stamp_ns <= after + 10_000_000
    assert time.monotonic_ns() - received.stamp_ns > 15_000_000


def test_two_segments_in_one_read_have_the_stamp_of_the_newer(line: Lines) -> None:
    chat = line()
    first, _ = chat.send(b"one")
    threading.Event().wait(0.02)
    second, _ = chat.send(b"two")
    received = chat.receive(floor_ns=first)
    assert received.data == b"onetwo"
    assert received.stamp_ns >= second - SLACK_NS
    assert received.floor_ns == first


def test_a_floor_above_the_stamp_is_not_believed(line: Lines) -> None:
    """A process that was stopped or frozen wakes up later than its run delay tells."""
    chat = line()
    chat.send(b"one")
    first = chat.receive()
    chat.send(b"two")
    received = chat.receive(floor_ns=time.monotonic_ns() + 10**9)
    assert first.stamp_ns <= received.floor_ns <= received.stamp_ns
    chat.send(b"three")
    threading.Event().wait(0.02)
    chat.send(b"four")
    threading.Event().wait(0.02)
    shared = chat.receive(floor_ns=time.monotonic_ns())
    assert shared.data == b"threefour"
    assert shared.stamp_ns - shared.floor_ns > 15_000_000


def test_the_floor_is_at_least_the_stamp_before(line: Lines) -> None:
    chat = line()
    chat.send(b"one")
    first = chat.receive()
    chat.send(b"two")
    second = chat.receive(floor_ns=0)
    assert first.stamp_ns <= second.floor_ns <= second.stamp_ns


def test_the_floor_is_the_moment_the_socket_was_seen_empty_less_what_a_segment_takes_from_its_stamp_to_it(line: Lines) -> None:
    chat = line()
    before = time.monotonic_ns()
    assert chat.near.receive(0) is None
    after = time.monotonic_ns()
    threading.Event().wait(0.01)
    chat.send(b"token")
    assert before - DELIVERY_NS <= chat.receive(0).floor_ns <= after - DELIVERY_NS


def test_nothing_of_an_answer_is_older_than_its_request(line: Lines) -> None:
    chat = line()
    chat.send(b"token")
    chat.near.begin(time.monotonic_ns() + 10**6)
    received = chat.receive(0)
    assert not received.kernel
    assert not received.exact


def test_a_read_behind_one_that_did_not_empty_the_socket_has_the_stamp_before_as_floor(line: Lines) -> None:
    chat = line()
    chat.send(b"x" * (READ_SIZE + 10))
    first = chat.receive(0)
    second = chat.receive(floor_ns=time.monotonic_ns())
    assert (len(first.data), first.exact) == (READ_SIZE, False)
    assert (len(second.data), second.exact) == (10, True)
    assert second.floor_ns == first.stamp_ns


def test_the_end_of_a_connection(line: Lines) -> None:
    chat = line()
    chat.far.close()
    received = chat.receive()
    assert (received.data, received.ended) == (b"", True)


def test_a_reset_is_an_error(line: Lines) -> None:
    chat = line()
    chat.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    chat.far.close()
    with pytest.raises(ConnectionResetError):
        chat.receive()


def test_what_came_before_a_reset_is_read_first(line: Lines) -> None:
    chat = line()
    chat.send(b"token")
    chat.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    chat.far.close()
    assert chat.receive().data == b"token"
    with pytest.raises(ConnectionResetError):
        chat.receive()


def test_idle_is_open_and_silent(line: Lines) -> None:
    silent, speaking, ended, reset = line(), line(), line(), line()
    speaking.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    ended.far.close()
    reset.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.far.close()
    assert silent.near.is_idle()
    assert not speaking.near.is_idle()
    assert not ended.near.is_idle()
    assert not reset.near.is_idle()


def test_what_the_kernel_does_not_take_is_sent_later(line: Lines) -> None:
    chat = line()
    request = b"x" * 20_000_000
    chat.near.queue(request)
    assert not chat.near.flush()
    got = 0
    while got < len(request):
        got += len(chat.far.recv(1_000_000))
        chat.near.flush()
    assert chat.near.flush()


def tls_pair(secure: ssl.SSLContext, authority: trustme.CA) -> tuple[TlsLayer, ssl.SSLObject, ssl.MemoryBIO]:
    """A client's layer and a server, with the handshake between them done in memory; and where the server writes."""
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    layer = TlsLayer(trusting, "localhost")
    to_server, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = secure.wrap_bio(to_server, from_server, server_side=True)
    done = 0
    while done < 2:
        done = 0
        for end in (layer.object, server):
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
            to_server.write(layer.outgoing.read())
            flight = from_server.read()
            if flight:
                assert layer.feed(flight)
    return layer, server, from_server


@given(messages=st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=6), data=st.data())
@settings(max_examples=60, deadline=None)
def test_tls_records_are_followed_wherever_they_are_split(
    tls_ends: tuple[ssl.SSLContext, trustme.CA], messages: list[bytes], data: st.DataObject
) -> None:
    layer, server, written = tls_pair(*tls_ends)
    records = []
    for message in messages:
        server.write(message)
        records.append(written.read())
    ends = {sum(map(len, records[: place + 1])) for place in range(len(records))}
    stream = b"".join(records)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream)), max_size=12)) | {len(stream)})
    plain, begin = b"", 0
    for cut in cuts:
        assert layer.feed(stream[begin:cut]) == (cut in ends)
        piece, ended = layer.decrypt()
        plain, begin = plain + piece, cut
        assert not ended
        assert len(plain) == sum(len(message) for message, end in zip(messages, sorted(ends), strict=True) if end <= cut)
    assert plain == b"".join(messages)


@pytest.fixture(scope="module")
def tls_ends(secure: ssl.SSLContext, authority: trustme.CA) -> tuple[ssl.SSLContext, trustme.CA]:
    return secure, authority


def test_a_tls_record_is_stamped_with_the_segment_that_completed_it(line: Lines, tls_ends: tuple[ssl.SSLContext, trustme.CA]) -> None:
    layer, server, written = tls_pair(*tls_ends)
    chat = line()
    connection = Connection(chat.near.sock, HeldOffset(), time.monotonic_ns, layer)
    chat.near = connection
    server.write(b"token")
    record = written.read()
    chat.send(record[:20])
    half = chat.receive()
    before, _ = chat.send(record[20:])
    whole = chat.receive()
    assert (half.data, half.exact) == (b"", False)
    assert (whole.data, whole.exact) == (b"token", True)
    assert whole.stamp_ns >= before - SLACK_NS


def test_plaintext_before_an_unfinished_record_is_not_exact(line: Lines, tls_ends: tuple[ssl.SSLContext, trustme.CA]) -> None:
    layer, server, written = tls_pair(*tls_ends)
    chat = line()
    chat.near = Connection(chat.near.sock, HeldOffset(), time.monotonic_ns, layer)
    server.write(b"one")
    first = written.read()
    server.write(b"two")
    chat.send(first + written.read()[:7])
    received = chat.receive()
    assert (received.data, received.exact) == (b"one", False)


def test_close_notify_ends_a_tls_connection(line: Lines, tls_ends: tuple[ssl.SSLContext, trustme.CA]) -> None:
    layer, server, written = tls_pair(*tls_ends)
    chat = line()
    chat.near = Connection(chat.near.sock, HeldOffset(), time.monotonic_ns, layer)
    server.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.unwrap()
    chat.send(written.read())
    received = chat.receive()
    assert (received.data, received.ended) == (b"last", True)
