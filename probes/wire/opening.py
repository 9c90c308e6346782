"""Opening a connection: resolve, connect, tunnel, TLS. Straight-line code that waits in a plain epoll loop."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import traceback
import types
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from probes.failure import Failure, Reason
from probes.names import Resolved, resolve
from probes.record import Milestones
from probes.wire.clock import SO_TIMESTAMPNS, HeldOffset
from probes.wire.connection import Connection, TlsLayer
from probes.wire.delays import Delays
from probes.wire.loop import Loop, pool
from probes.wire.order import Address, Proxy
from probes.wire.tls import certificate_expiry, explain

T = TypeVar("T")

PROXY_HEAD_LIMIT = 16_384
OUR_OWN_LACK = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What goes wrong with a socket for want of our own resources says nothing of the engine."""


@dataclass(frozen=True, slots=True)
class _Ready:
    fd: int
    events: int


@dataclass(frozen=True, slots=True)
class _Work:
    pool: ThreadPoolExecutor
    call: Callable[[], None]


class OpeningError(Exception):
    """The connection could not be opened."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _TooLate(Exception):  # noqa: N818 - thrown into the coroutine at its deadline, never shown
    pass


@types.coroutine
def _wait(wait: _Ready | _Work) -> Generator[_Ready | _Work, None, None]:
    yield wait


class Threads:
    """The worker's helper threads. Many may resolve, since a resolver may hang; few shake hands, since that costs processor time.

    Names that others have written are resolved in threads of their own: whoever has their resolvers hang holds up nothing but such names.
    """

    def __init__(self) -> None:
        self.resolvers = pool(32, "resolve")
        self.resolvers_for_others = pool(32, "resolve for others")
        self.handshakes = pool(2, "handshake", niceness=5)


class Opening:
    """One connection on its way. Once started it calls `done` once, with the connection or the failure, unless it is cancelled first."""

    def __init__(
        self,
        loop: Loop,
        threads: Threads,
        offset: HeldOffset,
        address: Address,
        context: ssl.SSLContext | None,
        timeout_seconds: float,
        done: Callable[[Connection | Failure], None],
        delays: Delays | None = None,
    ) -> None:
        self.milestones = Milestones()
        self._loop = loop
        self._threads = threads
        self._offset = offset
        self._address = address
        self._context = context
        self._done = done
        self._delays = delays
        self._phase = Reason.DNS
        self._watched: int | None = None
        self._working: Future[None] | None = None
        self._sock: socket.socket | None = None
        self._deadline_ns = loop.now_ns() + int(timeout_seconds * 1e9)
        self._timeout_seconds = timeout_seconds
        self._closed = False
        self._timer = loop.at(self._deadline_ns, lambda: self._advance(_TooLate()))
        self._steps: Coroutine[_Ready | _Work, None, Connection] = self._open()

    def start(self) -> None:
        self._advance(None)

    def cancel(self) -> None:
        self._end()
        if self._sock is not None:
            self._sock.close()
        self._steps.close()

    def _end(self) -> None:
        self._closed = True
        self._timer.cancel()
        self._unwatch()
        if self._working is not None:
            self._working.cancel()  # a lookup that has not begun would only keep others waiting

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._loop.unwatch(self._watched)
            self._watched = None

    def _advance(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._unwatch()
        try:
            wait = self._steps.send(None) if error is None else self._steps.throw(error)
        except StopIteration as stop:
            self._end()
            self._done(stop.value)
        except OpeningError as refused:
            self._fail(refused.reason, str(refused))
        except _TooLate:
            self._fail(self._phase, f"no connection within {self._timeout_seconds:g} s ({self._phase.value})")
        except ssl.SSLError as refused:
            self._fail(Reason.TLS, explain(refused))
        except OSError as refused:
            self._fail(self._phase, refused.strerror or str(refused))
        except Exception as error:  # noqa: BLE001 - the edge of a chat in the worker, as in `exchange`
            traceback.print_exc()
            self._fail(Reason.INTERNAL, f"{type(error).__name__} while connecting")
        else:
            self._watch(wait)

    def _watch(self, wait: _Ready | _Work) -> None:
        match wait:
            case _Ready(fd, events):
                self._watched = fd
                self._loop.watch(fd, lambda _events, _floor: self._advance(None), events)
            case _Work(threads, call):
                self._working = self._loop.in_thread(threads, call, lambda: self._advance(None))

    def _fail(self, reason: Reason, detail: str) -> None:
        self._end()
        if self._sock is not None:
            self._sock.close()
        self._done(Failure(reason, detail, self._loop.now_ns()))

    async def _open(self) -> Connection:
        proxy = self._address.proxy
        host, port = (proxy.host, proxy.port) if proxy else (self._address.host, self._address.port)
        addresses = await self._resolved(host, port)
        self.milestones = replace(self.milestones, resolved_ns=self._loop.now_ns())
        self._phase = Reason.CONNECT
        self._sock = sock = await self._connected(self._permitted(addresses))
        if proxy:
            await self._tunnelled(sock, proxy)
        self.milestones = replace(self.milestones, connected_ns=self._loop.now_ns())
        connection = Connection(sock, self._offset, self._loop.now_ns, delays=self._delays)
        if self._context is not None and self._address.tls is not None:
            self._phase = Reason.TLS
            connection.tls = await self._secured(sock, self._context)
            connection.certificate_expiry = certificate_expiry(connection.tls.object)
            self.milestones = replace(self.milestones, secured_ns=self._loop.now_ns())
        return connection

    async def _resolved(self, host: str, port: int) -> Resolved:
        """An address is there at once; a name is looked up in a helper thread."""
        guard = self._address.guard
        try:
            return resolve(host, port, guard, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            pass
        threads = self._threads.resolvers if guard is None else self._threads.resolvers_for_others
        try:
            return await self._in_thread(threads, lambda: resolve(host, port, guard))
        except (OSError, UnicodeError) as error:
            raise OpeningError(Reason.DNS, f"{host}: {getattr(error, 'strerror', None) or error}") from error

    def _permitted(self, addresses: Resolved) -> Resolved:
        """Those addresses that the guard has nothing against: the very ones that are connected to, so that no second answer of a resolver counts."""
        guard = self._address.guard
        if guard is None:
            return addresses
        objections = {address: guard.objection(str(address[0])) for _, address in addresses}
        if all(objections.values()):
            raise OpeningError(Reason.CONNECT, "; ".join(dict.fromkeys(text for text in objections.values() if text)))
        return [(family, address) for family, address in addresses if objections[address] is None]

    async def _connected(self, addresses: Resolved) -> socket.socket:
        """The first address that answers; each gets an equal share of the time that is left."""
        errors: list[str] = []
        for place, (family, address) in enumerate(addresses):
            now = self._loop.now_ns()
            share = self._loop.at(now + (self._deadline_ns - now) // (len(addresses) - place), self._give_up_address)
            sock = None
            try:
                self._sock = sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                code = sock.connect_ex(address)
                if code == errno.EINPROGRESS:
                    await _wait(_Ready(sock.fileno(), select.EPOLLOUT))
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    return sock
                raise OSError(code, os.strerror(code))
            except OSError as error:
                if sock is not None:
                    sock.close()
                if error.errno in OUR_OWN_LACK:
                    raise OpeningError(Reason.INTERNAL, f"no socket to be had: {error.strerror}") from error
                errors.append(f"{address[0]!s} port {address[1]!s}: {error.strerror or error}")
            finally:
                share.cancel()
        raise OpeningError(Reason.CONNECT, "; ".join(errors))

    def _give_up_address(self) -> None:
        self._advance(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    async def _tunnelled(self, sock: socket.socket, proxy: Proxy) -> None:
        """Ask the proxy for a tunnel (RFC 9110 section 9.3.6)."""
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        target = f"{host}:{self._address.port}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if proxy.authorization:
            head += f"Proxy-Authorization: {proxy.authorization}\r\n"
        sock.send((head + "\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            await _wait(_Ready(sock.fileno(), select.EPOLLIN))
            # one byte at a time past the head would be the tunnel's; no server speaks first in TLS or HTTP, so reading on is safe
            piece = sock.recv(PROXY_HEAD_LIMIT)
            if not piece:
                raise OpeningError(Reason.CONNECT, f"proxy {proxy.host}:{proxy.port} closed the connection")
            answer += piece
            if len(answer) > PROXY_HEAD_LIMIT:
                raise OpeningError(Reason.CONNECT, f"proxy {proxy.host}:{proxy.port} sent more than {PROXY_HEAD_LIMIT} bytes for an answer")
        words = answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        status = words[1] if len(words) > 1 and words[0].startswith("HTTP/1.") else "?"
        if not (status.isdigit() and 200 <= int(status) < 300):
            reason = Reason.AUTH if status == "407" else Reason.CONNECT
            raise OpeningError(reason, f"proxy {proxy.host}:{proxy.port} answered {status} to CONNECT {target}")

    async def _secured(self, sock: socket.socket, context: ssl.SSLContext) -> TlsLayer:
        """Shake hands. The computing is done in a helper thread, the waiting in the loop."""
        assert self._address.tls is not None
        server_name = self._address.tls.server_name or self._address.host
        try:
            layer = TlsLayer(context, server_name)
        except ValueError as error:
            raise OpeningError(Reason.TLS, f"{server_name} is no server name: {error}") from error
        while True:
            finished = await self._in_thread(self._threads.handshakes, lambda: _handshake_step(layer.object))
            pending = layer.outgoing.read()
            while pending:
                try:
                    pending = pending[sock.send(pending) :]
                except BlockingIOError:
                    await _wait(_Ready(sock.fileno(), select.EPOLLOUT))
            if isinstance(finished, Exception):
                raise finished
            if finished:
                return layer
            await _wait(_Ready(sock.fileno(), select.EPOLLIN))
            data = sock.recv(PROXY_HEAD_LIMIT)
            if not data:
                raise OpeningError(Reason.TLS, "the server closed the connection during the handshake")
            layer.feed(data)

    async def _in_thread(self, threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        results: list[T] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                results.append(call())
            except (OSError, ValueError) as error:
                errors.append(error)

        await _wait(_Work(threads, work))
        if errors:
            raise errors[0]
        return results[0]


def _handshake_step(tls: ssl.SSLObject) -> bool | ssl.SSLError:
    """One round of the handshake: done, or waiting for the server, or refused. An error is returned, since its alert must still be sent."""
    try:
        tls.do_handshake()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    except ssl.SSLError as error:
        return error
    return True
