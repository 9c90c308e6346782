"""What passes between the two processes comes out as it went in, wherever the bytes are cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.ask import Timeouts, Tls
from probes.backends import form
from probes.failure import Failure, Reason
from probes.guard import Guard
from probes.record import Milestones
from probes.wire.channel import Beat, Cancel, FromWorker, Incoming, Reads, Sent, ToWorker, encode
from probes.wire.delays import Lateness
from probes.wire.order import Address, Ending, Order, Proxy, Read
from probes.wire.packed import ROW, Packed

READS = [Read(b"one", 5, 3, kernel=False, exact=False), Read(b"", 2**62, 0), Read(b"three", 7, 6, kernel=True, exact=False)]
ORDER = Order(
    *(7, Address("engine", 443, Tls(insecure=True), Proxy("proxy", 80, "Basic x"), Guard()), b"POST", form("vllm")),
    Timeouts(1, 2, 3, 4),
    "fresh",
    watched=True,
)
MESSAGES: list[ToWorker | FromWorker] = [
    Cancel(3),
    Sent(4, 5),
    Beat(6, 7, Lateness(8, 9, 10)),
    Reads(1, b"onethree", b"".join(ROW.pack(len(read.body), *read[1:]) for read in READS)),
    Ending(
        *(8, 1, 2, Milestones(1, 2, None, 4), 5, 6, 7, 200, "text/event-stream", "gzip", "/", True, 9, "reused", 1),
        Failure(Reason.TRUNCATED, "gone", 3, "look"),
        b"body",
        certificate_expiry=1.5,
        cancelled=True,
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=[type(message).__name__ for message in MESSAGES])
def test_a_message_comes_out_as_it_went_in(message: ToWorker | FromWorker) -> None:
    data = encode(message) * 2
    for cut in range(len(data)):
        incoming = Incoming()
        assert [*incoming.feed(data[:cut]), *incoming.feed(data[cut:])] == [message, message]


def test_an_order_comes_out_with_a_form_of_its_kind() -> None:
    [order] = Incoming().feed(encode(ORDER))
    assert isinstance(order, Order)
    assert type(order.form) is type(ORDER.form)
    assert replace(order, form=ORDER.form) == ORDER


def test_packed_reads_are_those_that_were_packed() -> None:
    packed = Packed(b"onethree", b"".join(ROW.pack(len(read.body), *read[1:]) for read in READS))
    assert Reads.pack(1, packed).unpack() == READS
    assert len(packed) == len(READS)
    assert list(packed.from_the_end()) == [(3, 7), (3, 2**62), (0, 5)]
