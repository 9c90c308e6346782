from __future__ import annotations

from probes.wire.delays import LATE_NS, Delays, Lateness


def test_reads_later_than_a_millisecond_are_late() -> None:
    delays = Delays()
    for delay_ns in (0, LATE_NS, LATE_NS + 1, 5 * LATE_NS):
        delays.add(delay_ns)
    assert delays.so_far == Lateness(reads=4, late=2, delay_ns=7 * LATE_NS + 1)
    assert Lateness(1, 2, 3).plus(Lateness(10, 20, 30)) == Lateness(11, 22, 33)
