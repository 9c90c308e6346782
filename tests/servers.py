"""A scripted server for tests: raw TCP or TLS on loopback. Each connection is played by a plain function, in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

Script = Callable[["Peer"], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """One send: the monotonic instants right before and right after the system call, nanoseconds."""

    before_ns: int
    after_ns: int


@dataclass(slots=True)
class Peer:
    """One accepted connection, as its script sees it. `number` counts the server's connections from 0."""

    number: int
    sock: socket.socket
    server: Server

    def request(self) -> bytes:
        """The next whole request, head and body; also kept in `server.requests`. Raises `ConnectionError` if the client leaves before its end."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        missing = int(lengths[0]) - len(body) if lengths else 0
        while missing > 0:
            piece = self._some()
            data, missing = data + piece, missing - len(piece)
        self.server.requests.append(data)
        return data

    def _some(self) -> bytes:
        piece = self.sock.recv(65_536)
        if not piece:
            raise ConnectionError("the client left")
        return piece

    def send(self, data: bytes) -> Sent:
        before = time.monotonic_ns()
        self.sock.sendall(data)
        sent = Sent(before, time.monotonic_ns())
        self.server.sent.append(sent)
        return sent

    def await_client_gone(self) -> None:
        """Wait until the client closes or resets the connection."""
        with contextlib.suppress(ConnectionError):
            while self.sock.recv(65_536):
                pass

    def close(self) -> None:
        self.sock.close()

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def secure(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)


@dataclass(slots=True)
class Server:
    """A listening server and what it saw so far."""

    host: str
    port: int
    secure: bool = False
    requests: list[bytes] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    connections: int = 0
    errors: list[Exception] = field(default_factory=list)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def within_patience(event: threading.Event) -> None:
    """Wait for an event of the test; a script that waits in vain fails its test."""
    assert event.wait(PATIENCE_SECONDS), "what a script waited for did not happen"


@contextlib.contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    """Serve every connection by `script` until the block is left; then what a script raised is raised, but for a client that went away."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=512)
    server = Server(host, listener.getsockname()[1], tls is not None)
    peers: list[Peer] = []
    threads: list[threading.Thread] = []

    def play(peer: Peer) -> None:
        try:
            if tls is not None:
                peer.secure(tls)
            script(peer)
        except OSError:
            pass  # the client went away, which is its right
        except (AssertionError, ValueError, LookupError, TypeError) as error:
            server.errors.append(error)
        finally:
            peer.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(server.connections, sock, server)
            server.connections += 1
            peers.append(peer)
            threads.append(threading.Thread(target=play, args=(peer,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join(PATIENCE_SECONDS)
        listener.close()
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    if server.errors:
        raise server.errors[0]


@contextlib.contextmanager
def deaf_listener() -> Iterator[tuple[str, int]]:
    """An address that answers no connection attempt: a listener that never accepts, with a full queue, so that the kernel drops further SYNs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.1)
            try:
                filler.connect(address)
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue of a listener without backlog took four connections")
        yield address


def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    return free_port()


def then_close(*pieces: bytes) -> Script:
    """Reads a request, sends the pieces, and closes the connection."""

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)

    return script


def then_reset(*pieces: bytes) -> Script:
    """Reads a request, sends the pieces, each in a segment of its own, and resets the connection."""

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
        peer.reset()

    return script


def then_hold(*pieces: bytes) -> Script:
    """Reads a request, sends the pieces, then nothing more, and waits for the client to give up."""

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
        peer.await_client_gone()

    return script
