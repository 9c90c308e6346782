"""A server of paced streams that knows when each request arrived and when it sent each chunk.

Its wire form is vLLM's: head and role chunk with the first token, one chunk a token, usage and `[DONE]` right behind the last token.
A request's arrival is the kernel's receive stamp, a chunk's sending is bracketed by two readings; both on CLOCK_REALTIME, so that no
conversion between clocks, which is the client's art, can hide an error here. It also knows at which places of the connection's bytes the request
and each chunk lay, so that they can be found in a capture of the packets, through TLS too.

    python -m benchmarks.truth_server --port 0 --cpu 1 [--cert FILE --key FILE]

prints its port; each line on standard input names a file to write the truth of all chats since the last line to.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import re
import resource
import selectors
import socket
import ssl
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

SO_TIMESTAMPNS = 35
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
REQUEST_ID = re.compile(rb"(?i)x-request-id: *([^\r\n]+)")
BEHIND_EVENT = b"\r\n"
"""What HTTP has behind a chunk: the event is whole without it."""
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


@dataclass
class Truth:
    """One chat. `arrived_ns` is when the request's last segment came, `sent_ns` holds (before, after) of the sending of each token.

    `port` is the client's. `request_begin` is the request's first byte in the stream of bytes that came on the connection, `token_ends` how many
    bytes had been sent on it with the last one of each token's event: of its TLS record, where there is one.
    """

    arrived_ns: int
    port: int = 0
    request_begin: int = 0
    sent_ns: list[tuple[int, int]] = field(default_factory=list)
    token_ends: list[int] = field(default_factory=list)


@dataclass
class Peer:
    sock: socket.socket
    port: int
    tls: ssl.SSLObject | None = None
    incoming: ssl.MemoryBIO | None = None
    outgoing: ssl.MemoryBIO | None = None
    secured: bool = True
    received: bytes = b""
    received_bytes: int = 0
    """All that came so far, encrypted where it was."""
    request_begin: int = 0
    sent_bytes: int = 0

    def put(self, data: bytes) -> None:
        self.sent_bytes += self.sock.send(data)


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s" % (len(data), data) + BEHIND_EVENT


def event(delta: dict[str, str], tokens: int) -> bytes:
    usage = {"prompt_tokens": 12, "total_tokens": 12 + tokens, "completion_tokens": tokens}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, "token_ids": None}
    body = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return http_chunk(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


class Server:
    def __init__(self, context: ssl.SSLContext | None, tokens: int, first_seconds: float, gap_seconds: float) -> None:
        self.context = context
        self.first_ns, self.gap_ns = int(first_seconds * 1e9), int(gap_seconds * 1e9)
        self.role = event({"role": "assistant", "content": ""}, 0)
        self.tokens = [event({"content": f" word{n}"}, n) for n in range(1, tokens + 1)]
        usage = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": tokens}}
        self.tail = http_chunk(b"data: " + json.dumps(usage).encode() + b"\n\n") + http_chunk(b"data: [DONE]\n\n")
        self.selector = selectors.EpollSelector()
        self.due: list[tuple[int, int, Peer, Truth, int]] = []
        self.order = 0
        self.truths: dict[str, Truth] = {}

    def listen(self, port: int) -> int:
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        listener.setblocking(False)
        # set before anything arrives: what came earlier has no stamp, and accepted sockets inherit it
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.selector.register(listener, selectors.EVENT_READ, lambda: self.accept(listener))
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.on_line)
        return int(listener.getsockname()[1])

    def accept(self, listener: socket.socket) -> None:
        sock, (_, port) = listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(sock, port)
        if self.context is not None:
            peer.incoming, peer.outgoing, peer.secured = ssl.MemoryBIO(), ssl.MemoryBIO(), False
            peer.tls = self.context.wrap_bio(peer.incoming, peer.outgoing, server_side=True)
        self.selector.register(sock, selectors.EVENT_READ, lambda: self.on_readable(peer))

    def on_line(self) -> None:
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        out = {key: asdict(truth) for key, truth in self.truths.items()}
        self.truths.clear()
        path = Path(line.strip())
        path.with_suffix(".part").write_text(json.dumps(out))
        path.with_suffix(".part").rename(path)

    def on_readable(self, peer: Peer) -> None:
        try:
            data, ancillary, _, _ = peer.sock.recvmsg(65536, socket.CMSG_SPACE(16))
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(peer.sock)
            peer.sock.close()
            return
        seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2])
        peer.received_bytes += len(data)
        peer.received += self.decrypted(peer, data)
        head, blank, body = peer.received.partition(b"\r\n\r\n")
        if head.startswith(b"GET ") and blank:  # what else an exporter asks an engine: it has a version, models and metrics, and this has none
            peer.received, peer.request_begin = b"", peer.received_bytes
            self.send(peer, NOT_FOUND)
            return
        if not blank or len(body) < int(LENGTH.search(head)[1]):  # type: ignore[index]
            return
        truth = Truth(seconds * 1_000_000_000 + nanoseconds, peer.port, peer.request_begin)
        peer.received, peer.request_begin = b"", peer.received_bytes
        self.truths[REQUEST_ID.search(head)[1].decode()] = truth  # type: ignore[index]
        self.send(peer, HEAD)
        self.schedule(truth.arrived_ns + self.first_ns, peer, truth, 0)

    def decrypted(self, peer: Peer, data: bytes) -> bytes:
        if peer.tls is None or peer.incoming is None:
            return data
        peer.incoming.write(data)
        plain = b""
        try:
            if not peer.secured:
                peer.tls.do_handshake()
                peer.secured = True
                peer.request_begin = peer.received_bytes - peer.incoming.pending
            while piece := peer.tls.read(65536):
                plain += piece
        except ssl.SSLWantReadError:
            pass
        self.flush(peer)
        return plain

    def schedule(self, due_ns: int, peer: Peer, truth: Truth, token: int) -> None:
        self.order += 1
        heapq.heappush(self.due, (due_ns, self.order, peer, truth, token))

    def send(self, peer: Peer, data: bytes) -> tuple[int, int]:
        """(before, after) of the system call that sent it."""
        if peer.tls is None:
            before = time.time_ns()
            peer.put(data)
        else:
            peer.tls.write(data)
            before = time.time_ns()
            self.flush(peer)
        return before, time.time_ns()

    def flush(self, peer: Peer) -> None:
        assert peer.outgoing is not None
        if peer.outgoing.pending:
            peer.put(peer.outgoing.read())

    def run_due(self) -> None:
        while self.due and self.due[0][0] <= time.time_ns():
            due_ns, _, peer, truth, token = heapq.heappop(self.due)
            try:
                if token == 0:
                    self.send(peer, self.role)
                truth.sent_ns.append(self.send(peer, self.tokens[token]))
                truth.token_ends.append(peer.sent_bytes - (0 if peer.tls else len(BEHIND_EVENT)))
                if token + 1 < len(self.tokens):
                    self.schedule(due_ns + self.gap_ns, peer, truth, token + 1)
                else:
                    self.send(peer, self.tail)
                    self.send(peer, b"0\r\n\r\n")
            except OSError:
                continue

    def run(self) -> None:
        while True:
            self.run_due()
            # epoll counts in milliseconds: the last one before a chunk is due is spun away, so that streams do not fall into step
            wait = (self.due[0][0] - time.time_ns()) / 1e9 if self.due else None
            for key, _ in self.selector.select(None if wait is None else max(0.0, wait - 0.001)):
                key.data()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--first-seconds", type=float, default=0.05)
    parser.add_argument("--gap-seconds", type=float, default=0.02)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    server = Server(context, options.tokens, options.first_seconds, options.gap_seconds)
    print(server.listen(options.port), flush=True)
    server.run()


if __name__ == "__main__":
    main()
