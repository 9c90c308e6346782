"""One chat in the worker: take or open a connection, send the request, hand over what arrives, end it in time."""

from __future__ import annotations

import select
import ssl
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Literal, TypeVarTuple

from probes.failure import Failure, Reason
from probes.record import Milestones
from probes.wire.answer import Answer
from probes.wire.body import HELD_BYTES, Body
from probes.wire.connection import Connection, Received
from probes.wire.encoding import EncodingError
from probes.wire.loop import Loop, Timer
from probes.wire.opening import Opening
from probes.wire.order import Ending, Order
from probes.wire.packed import Packed
from probes.wire.response import Response, ResponseError
from probes.wire.tls import explain

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a streamed answer; a hundred thousand tokens have less."""
WORDS_NS = 2_000_000_000
"""How long to wait for the rest of an answer that is no stream."""
IDLE_NS = 1_000_000_000
"""No router waits less for a silent server before it gives up."""
LINGER_NS = 250_000_000
"""How long to wait, after the terminal marker, for the end of the HTTP message, so that the connection can be kept."""
READS_AN_EVENT = 4

Arguments = TypeVarTuple("Arguments")
Sink = Callable[[int, Packed], bool]
Open = Callable[[Order, Callable[[Connection | Failure], None]], Opening]


Step = Callable[["Exchange", *Arguments], None]


def _guarded(step: Step[*Arguments]) -> Step[*Arguments]:
    """The edge of a chat in the worker: whatever breaks in one chat is our fault, ends that chat as `internal`, and leaves the others alone."""

    @wraps(step)
    def run(exchange: Exchange, *args: *Arguments) -> None:
        try:
            step(exchange, *args)
        except Exception as error:  # noqa: BLE001
            exchange.broke(error)

    return run


class Exchange:
    """Runs one order from its start to its ending.

    `sent` is told when the request of a watched one went out. `keep` takes the connection where it can carry another chat.
    Where `reads` says that it has no room for more, no more is read until `go_on`.
    """

    # Python finds more than 30 attributes in a dictionary of each object's own, at twice the cost
    __slots__ = (
        "_all_sent", "_answer", "_answered", "_body", "_certificate_expiry", "_completed_ns", "_connection", "_ended", "_hand_over",
        "_headers_ns", "_held_up_from_ns", "_keep", "_kind", "_last_byte_ns", "_lingers", "_loop", "_milestones", "_opening", "_opens",
        "_order", "_over", "_overdue_ns", "_response", "_retries", "_sent_ns", "_sent_width_ns", "_started_ns", "_take", "_tell_sent",
        "_timer", "_total_ns", "_waits", "_went_on_ns",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        order: Order,
        *,
        take: Callable[[Order], Connection | None],
        keep: Callable[[Order, Connection], None],
        opens: Open,
        sent: Callable[[int, int], None],
        reads: Sink,
        ended: Callable[[Ending], None],
    ) -> None:
        self._loop = loop
        self._order = order
        self._keep = keep
        self._opens = opens
        self._tell_sent = sent
        self._hand_over = reads
        self._ended = ended
        self._response = Response()
        self._opening: Opening | None = None
        self._connection: Connection | None = None
        self._kind: Literal["fresh", "reused"] | None = None
        self._milestones = Milestones()
        self._sent_ns: int | None = None
        self._sent_width_ns = 0
        self._all_sent = False
        self._headers_ns: int | None = None
        self._last_byte_ns = 0
        self._retries = 0
        self._certificate_expiry: float | None = None
        self._completed_ns: int | None = None
        self._answer = Answer(order.form)
        self._body = Body(order.form, 0 if order.watched else HELD_BYTES)
        self._lingers = False
        self._answered = False
        self._over = False
        self._waits = False
        self._went_on_ns = 0
        self._held_up_from_ns = 0  # of what comes next; 0 where nothing was held up
        self._take = take
        self._started_ns = self._total_ns = 0
        self._timer: Timer = Timer(self._on_timer)
        self._overdue_ns = 0  # when a timeout ran out that cannot be judged before more is read; 0 if none did

    @_guarded
    def start(self) -> None:
        order = self._order
        self._started_ns = self._loop.now_ns()
        self._total_ns = self._started_ns + int(order.timeouts.total_seconds * 1e9)
        self._set_timer()
        connection = self._take(order) if order.connection == "reuse" else None
        if connection is not None:
            self._kind = "reused"
            self._send_on(connection)
        else:
            self._kind = "fresh"
            self._open()

    def cancel(self) -> None:
        if not self._over:
            self._end(None, cancelled=True)

    @_guarded
    def go_on(self) -> None:
        """There is room for more of it. What waited in the socket has the kernel's stamps; what the server had to send behind it was held up."""
        connection = self._connection
        if connection is None or not self._waits:
            return
        self._waits, self._went_on_ns = False, self._loop.now_ns()
        self._held_up_from_ns = self._held_up_from_ns or self._last_byte_ns
        self._loop.watch(connection.fileno(), self._on_event, self._interest())
        try:
            received = connection.receive(0)
        except OSError as error:
            self._on_broken(connection, error)
            return
        if received is not None:
            self._on_received(received)
        self._judge_overdue()

    def broke(self, error: Exception) -> None:
        """An error that nobody expected struck this chat."""
        traceback.print_exception(error)
        if not self._over:
            self._end(Failure(Reason.INTERNAL, f"{type(error).__name__} in the measuring worker", self._loop.now_ns()))

    # connecting and sending

    def _open(self) -> None:
        self._opening = self._opens(self._order, self._on_opened)
        self._opening.start()

    @_guarded
    def _on_opened(self, opened: Connection | Failure) -> None:
        assert self._opening is not None
        if not self._retries:
            self._milestones = self._opening.milestones
        self._opening = None
        if isinstance(opened, Failure):
            self._end(opened)
        else:
            self._send_on(opened)

    def _send_on(self, connection: Connection) -> None:
        self._connection = connection
        self._certificate_expiry = connection.certificate_expiry
        try:
            connection.queue(self._order.request)
            before = self._loop.now_ns()
            self._all_sent = connection.flush()
            after = self._loop.now_ns()
        except OSError as error:
            self._note_sent(self._loop.now_ns(), 0)
            self._on_send_broken(connection, error)
            return
        self._note_sent(before, after - before)
        connection.begin(before)
        self._note_all_sent(after)
        self._loop.watch(connection.fileno(), self._on_event, self._interest())
        self._set_timer()

    def _send_the_rest(self, connection: Connection) -> None:
        try:
            self._all_sent = connection.flush()
        except OSError as error:
            self._on_send_broken(connection, error)
            return
        if self._all_sent:
            self._note_all_sent(self._loop.now_ns())
            self._loop.watch(connection.fileno(), self._on_event)

    def _on_send_broken(self, connection: Connection, error: OSError) -> None:
        """A server that breaks the connection may have said why before: in an answer, or in a TLS alert."""
        try:
            while not self._over and self._connection is connection and (received := connection.receive(0)) is not None:
                self._on_received(received)
        except OSError as later:
            error = later
        self._on_broken(connection, error)

    def _note_sent(self, sent_ns: int, width_ns: int) -> None:
        if self._sent_ns is None:
            self._sent_ns, self._sent_width_ns = sent_ns, width_ns
            if self._order.watched:
                self._tell_sent(self._order.number, sent_ns)

    def _note_all_sent(self, now_ns: int) -> None:
        if self._all_sent and self._milestones.request_sent_ns is None:
            done = self._milestones
            self._milestones = Milestones(done.resolved_ns, done.connected_ns, done.secured_ns, now_ns)

    def _interest(self) -> int:
        return select.EPOLLIN if self._all_sent else select.EPOLLIN | select.EPOLLOUT

    # receiving

    @_guarded
    def _on_event(self, events: int, floor_ns: int) -> None:
        connection = self._connection
        assert connection is not None
        try:
            # reading first: an answer that came before the whole request was sent says why the rest of it is not wanted
            for _ in range(READS_AN_EVENT if events & ~select.EPOLLOUT else 0):
                received = connection.receive(floor_ns)
                if received is None:
                    break
                self._on_received(received)
                if self._over or self._connection is not connection:
                    return
                if self._waits or received.exact:
                    break
        except OSError as error:
            self._on_broken(connection, error)
            return
        if not self._all_sent and events & select.EPOLLOUT:
            self._send_the_rest(connection)
        if self._overdue_ns:
            self._judge_overdue()

    def _on_received(self, received: Received) -> None:
        if self._held_up_from_ns:
            received = self._as_held_up(received)
        data, stamp_ns, floor_ns, kernel, exact, ended = received
        response = self._response
        if data:
            try:
                body = response.feed(data)
            except ResponseError as error:
                self._answered = True
                self._end(Failure(Reason.PROTOCOL, str(error), stamp_ns))
                return
            self._last_byte_ns = stamp_ns
            exact = exact and response.body_is_last
            if body and self._answer.is_plain:
                self._on_stream(body, stamp_ns, floor_ns, kernel, exact)
            else:
                self._on_other(body, stamp_ns, floor_ns, kernel, exact)
        if self._over:
            return
        if response.complete:
            self._completed_ns = stamp_ns
            self._end(None)
        elif ended:
            self._on_eof(stamp_ns)

    def _on_other(self, body: bytes, stamp_ns: int, floor_ns: int, kernel: bool, exact: bool) -> None:
        """What came before it was known to be a plain stream, or is none."""
        self._answered = True
        answer, was_refusal = self._answer, self._answer.is_refusal
        try:
            if self._headers_ns is None and self._response.headed:
                self._headers_ns = stamp_ns
                answer.begin(self._response)
            body = answer.read(body) if body else b""
        except EncodingError as error:
            self._end(Failure(Reason.PROTOCOL, str(error), stamp_ns))
            return
        if answer.is_refusal and not was_refusal:
            self._set_timer()
        if answer.has_all_words:
            self._end(None)
        elif body:
            self._on_stream(body, stamp_ns, floor_ns, kernel, exact)

    def _as_held_up(self, received: Received) -> Received:
        """What was sent once it was read on may have been held up by the full socket since the last read before that."""
        if received.stamp_ns < self._went_on_ns:
            return received
        held_up_from_ns, self._held_up_from_ns = self._held_up_from_ns, 0
        return received._replace(floor_ns=min(received.floor_ns, held_up_from_ns), exact=False)

    def _on_stream(self, body: bytes, stamp_ns: int, floor_ns: int, kernel: bool, exact: bool) -> None:
        held = self._body
        if not held.add(body, stamp_ns, floor_ns, kernel, exact):
            return
        if held.added_bytes > BODY_LIMIT:
            self._end(Failure(Reason.PROTOCOL, f"an answer of more than {BODY_LIMIT} bytes", stamp_ns))
            return
        if held.ended and not self._lingers:
            self._lingers = True
            self._set_timer()
        if held.is_full:
            self._flush()

    def _flush(self) -> None:
        held = self._body.hand_over()
        if held and not self._hand_over(self._order.number, held):
            self._wait()

    def _wait(self) -> None:
        """Read no more for now: what comes waits in the socket."""
        if self._connection is not None and self._all_sent and not self._over:
            self._waits = True
            self._loop.unwatch(self._connection.fileno())

    def _on_eof(self, stamp_ns: int) -> None:
        if self._may_retry():
            self._retry()
        elif not self._answered:
            self._end(Failure(Reason.TRUNCATED, "the connection was closed before an answer", stamp_ns))
        elif self._response.headed and self._response.until_closed:
            self._completed_ns = stamp_ns
            self._end(None)
        else:
            self._end(Failure(Reason.TRUNCATED, f"the connection was closed before the end of the answer{self._silence(stamp_ns)}", stamp_ns))

    def _silence(self, ended_ns: int) -> str:
        """What a long silence before the end tells: an engine that dies closes at once, a router when its patience is over."""
        silent_ns = ended_ns - self._last_byte_ns
        return f", after {silent_ns / 1e9:.1f} s without a byte, as a router's idle timeout does" if silent_ns >= IDLE_NS else ""

    def _on_broken(self, connection: Connection, error: OSError) -> None:
        if self._over or self._connection is not connection:
            return
        if self._may_retry():
            self._retry()
            return
        now_ns = self._loop.now_ns()
        if isinstance(error, ssl.SSLError) and not self._answered:
            # in TLS 1.3 the server judges the client's certificate after the handshake, as far as the client sees it
            self._end(Failure(Reason.TLS, explain(error), now_ns))
        else:
            what = explain(error) if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            self._end(Failure(Reason.TRUNCATED, f"the connection broke: {what}", now_ns))

    def _may_retry(self) -> bool:
        """A kept connection may have been closed by the server just as it was taken: that is no failure of the chat's."""
        return self._kind == "reused" and self._retries == 0 and not self._answered

    def _retry(self) -> None:
        self._drop_connection()
        self._retries = 1
        self._all_sent = False
        self._response = Response()
        self._set_timer()
        self._open()

    # time

    def _deadline(self, token_ns: int | None) -> tuple[int, Reason, str]:
        """(instant, reason, detail) of the timeout that runs out first, if tokens last came at `token_ns`."""
        limits = self._order.timeouts
        total = self._total_ns, Reason.TIMEOUT, f"not finished within {limits.total_seconds:g} s"
        if self._went_on_ns:
            total = self._total_ns, Reason.INTERNAL, f"not finished within {limits.total_seconds:g} s: the main process did not keep up"
        if token_ns is not None:
            ends_ns = max(token_ns, self._went_on_ns) + int(limits.stall_seconds * 1e9)
            return min(total, (ends_ns, Reason.STALLED, f"no further token within {limits.stall_seconds:g} s"))
        if self._sent_ns is not None:
            ends_ns = max(self._sent_ns, self._went_on_ns) + int(limits.first_token_seconds * 1e9)
            return min(total, (ends_ns, Reason.FIRST_TOKEN_TIMEOUT, f"no token within {limits.first_token_seconds:g} s"))
        return total

    def _set_timer(self) -> None:
        """Wake up when a timeout may have run out, or when an exchange that has all it needs has waited long enough for the rest."""
        if self._lingers:
            instant_ns = self._loop.now_ns() + LINGER_NS
        elif self._answer.is_refusal:
            instant_ns = self._loop.now_ns() + WORDS_NS
        else:
            token_ns = self._body.last_token_ns()
            instant_ns, _, _ = self._deadline(token_ns)
            if token_ns is None:
                # tokens are not looked for as they come: only a look at least this often sees every stall behind the first
                instant_ns = min(instant_ns, self._loop.now_ns() + int(self._order.timeouts.stall_seconds * 1e9))
        self._overdue_ns = 0
        self._timer.cancel()
        self._timer = self._loop.at(instant_ns, self._on_timer)

    @_guarded
    def _on_timer(self) -> None:
        if self._lingers or self._answer.is_refusal:
            self._end(None)
            return
        instant_ns, reason, detail = self._deadline(self._body.last_token_ns())
        now_ns, known_ns = self._loop.now_ns(), self._known_ns()
        if instant_ns <= known_ns:
            self._end(Failure(reason, detail, known_ns))
        elif instant_ns <= now_ns:
            self._overdue_ns = instant_ns
        else:
            self._set_timer()

    def _judge_overdue(self) -> None:
        """Judge a timeout that ran out while more waited, once what was read tells whether that came in time."""
        if self._overdue_ns and not self._over and self._overdue_ns <= self._known_ns():
            self._on_timer()

    def _known_ns(self) -> int:
        """Until when it is known what has come: until the last read, where more may wait behind it."""
        connection = self._connection
        if connection is None or (connection.drained and not self._waits) or connection.is_idle():
            return self._loop.now_ns()
        return self._last_byte_ns

    # the end

    def _reusable(self) -> bool:
        return self._response.reusable and self._all_sent and self._order.connection == "reuse"

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._loop.unwatch(self._connection.fileno())
            self._connection.close()
            self._connection = None

    def _end(self, failure: Failure | None, *, cancelled: bool = False) -> None:
        self._over = True
        self._timer.cancel()
        if self._opening is not None:
            self._opening.cancel()
            self._milestones = self._milestones if self._retries else self._opening.milestones
        connection = self._connection
        mended = None if connection is None else connection.newly_mended()
        kept = connection is not None and failure is None and not cancelled and self._reusable()
        if connection is not None and kept:
            self._loop.unwatch(connection.fileno())
            self._keep(self._order, connection)
        else:
            self._drop_connection()
        self._flush()
        ended_ns = failure.at_ns if failure else self._loop.now_ns()
        self._ended(
            Ending(
                number=self._order.number,
                started_ns=self._started_ns,
                ended_ns=ended_ns,
                milestones=self._milestones,
                sent_ns=self._sent_ns,
                sent_width_ns=self._sent_width_ns,
                headers_ns=self._headers_ns,
                status=self._response.status,
                content_type=self._response.content_type,
                coding=self._answer.coding,
                location=self._response.location,
                streamed=self._answer.is_stream is True,
                completed_ns=self._completed_ns,
                connection=self._kind,
                retries=self._retries,
                failure=failure,
                error_body=self._answer.words,
                certificate_expiry=self._certificate_expiry,
                mended=mended,
                kept=kept,
                cancelled=cancelled,
            )
        )
