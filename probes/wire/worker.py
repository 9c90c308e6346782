"""The measuring worker: a process of its own with a plain epoll loop, so that nothing else the program does can hold a measurement.

Started as `python -m probes.wire.worker FD`, where FD is its end of a socket pair; it ends when the other end closes.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # Ctrl-C and systemd reach all processes, also one that is still importing; the main one decides what it means, and closes the channel
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

import gc
import os
import resource
import select
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial

from probes.ask import Tls
from probes.failure import Failure, Reason
from probes.wire import tls
from probes.wire.channel import Beat, Cancel, Incoming, Outgoing, Sent
from probes.wire.clock import HeldOffset, keep_stamping
from probes.wire.connection import Connection
from probes.wire.delays import Delays
from probes.wire.exchange import Exchange
from probes.wire.kept import Kept
from probes.wire.loop import Loop
from probes.wire.opening import Opening, Threads
from probes.wire.order import Ending, Order
from probes.wire.outbox import Outbox
from probes.wire.priority import go_first

LOOK_AT_CLOCK_NS = 1_000_000_000
LOOK_AGAIN_NS = 20_000_000
ORDERS_BYTES = 4096
"""How much of the orders that wait is read between two polls: a handful of orders, so that a wave of them does not hold the loop."""
CONTEXT_NS = 600_000_000_000
"""How long certificates and authorities that were read are used: files are rotated under their names."""
UNTIDY_OBJECTS = 10_000
UNTIDY_NS = 600_000_000_000
SWITCH_SECONDS = 0.0005
"""How long a helper thread may keep the interpreter while the loop wants it."""


class Worker:
    """Takes orders from the channel and runs each as an exchange."""

    def __init__(self, loop: Loop, channel: socket.socket) -> None:
        self._loop = loop
        self._channel = channel
        self._incoming = Incoming()
        self._outgoing = Outgoing(channel)
        self._outbox = Outbox(loop.later, self._send, lambda: self._outgoing.waiting, self._go_on)
        self._stamping = keep_stamping()
        self._offset = HeldOffset()
        self._delays = Delays()
        self._threads = Threads()
        self._kept = Kept(loop)
        self._contexts: dict[Tls, tuple[int, ssl.SSLContext]] = {}
        self._building: dict[Tls, list[Order]] = {}
        self._orders: dict[int, Order] = {}
        self._running: dict[int, Exchange] = {}
        self._tidied_ns = loop.now_ns()
        channel.setblocking(False)
        loop.watch(channel.fileno(), self._on_channel)
        self._look_due_ns = loop.now_ns()
        self._look_at_clock()

    def _on_channel(self, events: int, _floor_ns: int) -> None:
        if events & select.EPOLLOUT:
            try:
                self._outgoing.flush()
            except OSError:  # the main process is gone
                self._loop.stop()
                return
            self._watch_channel()
            self._outbox.go_on()
        if not events & ~select.EPOLLOUT:
            return
        try:
            data = self._channel.recv(ORDERS_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.stop()
            return
        for message in self._incoming.feed(data):
            match message:
                case Order():
                    self._on_order(message)
                case Cancel(number):
                    self._on_cancel(number)

    def _watch_channel(self) -> None:
        out = select.EPOLLOUT if self._outgoing.waiting else 0
        self._loop.watch(self._channel.fileno(), self._on_channel, select.EPOLLIN | out)

    def _on_order(self, order: Order) -> None:
        self._orders[order.number] = order
        wanted = order.address.tls
        if wanted is None or self._is_fresh(wanted):
            self._loop.later(lambda: self._start(order))
        elif wanted in self._building:
            self._building[wanted].append(order)
        else:
            self._building[wanted] = [order]
            self._build_context(wanted)

    def _is_fresh(self, wanted: Tls) -> bool:
        built_ns, _ = self._contexts.get(wanted, (None, None))
        return built_ns is not None and self._loop.now_ns() - built_ns < CONTEXT_NS

    def _build_context(self, wanted: Tls) -> None:
        """Loading certificate authorities takes milliseconds: it is done before a chat starts, so that no phase holds it."""
        errors: list[str] = []

        def build() -> None:
            try:
                self._contexts[wanted] = self._loop.now_ns(), tls.context(wanted)
            except (OSError, ValueError) as error:
                errors.append(str(error))

        def built() -> None:
            for outdated in [known for known in self._contexts if known.superseded_by(wanted)]:
                del self._contexts[outdated]
            for order in self._building.pop(wanted):
                if errors:
                    self._end_not_running(order.number, Failure(Reason.TLS, f"TLS settings cannot be used: {errors[0]}", self._loop.now_ns()))
                else:
                    self._loop.later(partial(self._start, order))

        self._loop.in_thread(self._threads.handshakes, build, built)

    def _start(self, order: Order) -> None:
        if order.number not in self._orders:
            return
        wanted = order.address.tls
        if wanted is not None and wanted not in self._contexts:  # superseded while the order waited its turn
            self._on_order(order)
            return
        context = None if wanted is None else self._contexts[wanted][1]
        exchange = Exchange(
            self._loop,
            order,
            take=lambda order: self._kept.take(order.address),
            keep=lambda order, connection: self._kept.keep(order.address, connection),
            opens=partial(self._opens, context),
            sent=lambda number, sent_ns: self._outbox.put(lambda: Sent(number, sent_ns)),
            reads=self._outbox.put_reads,
            ended=self._on_ended,
        )
        self._running[order.number] = exchange
        exchange.start()

    def _opens(self, context: ssl.SSLContext | None, order: Order, done: Callable[[Connection | Failure], None]) -> Opening:
        return Opening(self._loop, self._threads, self._offset, order.address, context, order.timeouts.connect_seconds, done, self._delays)

    def _on_cancel(self, number: int) -> None:
        if number in self._running:
            self._running[number].cancel()
        else:
            self._end_not_running(number)

    def _end_not_running(self, number: int, failure: Failure | None = None) -> None:
        """Tell that a chat has ended that does not run: it was not begun, or ended meanwhile, of which nobody hears any more. Without a failure it
        is `cancelled`."""
        now_ns = self._loop.now_ns() if failure is None else failure.at_ns
        self._on_ended(Ending(number, started_ns=now_ns, ended_ns=now_ns, failure=failure, cancelled=failure is None))

    def _on_ended(self, ending: Ending) -> None:
        self._running.pop(ending.number, None)
        self._orders.pop(ending.number, None)
        self._outbox.put(lambda: ending)

    def _go_on(self, number: int) -> None:
        if number in self._running:
            self._running[number].go_on()

    def _send(self, data: bytes) -> None:
        try:
            self._outgoing.send(data)
        except OSError:
            self._loop.stop()
            return
        if self._outgoing.waiting:
            self._watch_channel()

    def _look_at_clock(self) -> None:
        late_ns = self._loop.now_ns() - self._look_due_ns
        self._offset.refresh()
        beat = Beat(late_ns, self._offset.steps, self._delays.so_far)
        self._outbox.put(lambda: beat)
        self._tidy()
        self._look_due_ns = self._loop.now_ns() + (LOOK_AGAIN_NS if self._offset.suspects_step else LOOK_AT_CLOCK_NS)
        self._loop.at(self._look_due_ns, self._look_at_clock)

    def _tidy(self) -> None:
        """Collect cyclic garbage, of which there is little, while no chat runs; only if that never happens, at a bad moment once in a while."""
        now_ns = self._loop.now_ns()
        if gc.get_count()[0] > UNTIDY_OBJECTS and (not self._running or now_ns - self._tidied_ns > UNTIDY_NS):
            gc.collect()
            self._tidied_ns = now_ns


def main() -> None:
    go_first()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.setswitchinterval(SWITCH_SECONDS)
    channel = socket.socket(fileno=int(sys.argv[1]))
    loop = Loop()
    signal.signal(signal.SIGCONT, lambda _number, _frame: loop.go_on())
    worker = Worker(loop, channel)
    gc.collect()
    gc.freeze()
    gc.disable()  # a full collection holds the loop for milliseconds; the worker tidies up itself
    loop.run()
    del worker
    os._exit(0)  # a helper thread may hang in the resolver, and must not hold the end


if __name__ == "__main__":
    main()
