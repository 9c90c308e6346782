"""What passes between the main process and the measuring worker: one order out, reads and one ending back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from probes.ask import ConnectionPolicy, Timeouts, Tls
from probes.backends.base import WireForm
from probes.failure import Failure
from probes.guard import Guard
from probes.mended import Mended
from probes.record import Milestones


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that opens a tunnel with `CONNECT`. `authorization` is the value of `Proxy-Authorization`."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection leads; connections are kept and reused for equal addresses only. `tls` is None for plain HTTP.

    `guard` says at which addresses nothing is connected to, whatever the host's name resolves to.
    """

    host: str
    port: int
    tls: Tls | None = None
    proxy: Proxy | None = None
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One chat for the worker: the bytes to send, where, and how long each part may take.

    `form` is asked by the worker, at a running timeout or at a likely end, what a frame means. Where
    somebody looks on (`watched`), the worker tells when the request went out, and hands each read over as it comes; else
    it holds them for as long as it may. Stamps are the kernel's, and the same either way.
    """

    number: int
    address: Address
    request: bytes = field(repr=False)
    form: WireForm
    timeouts: Timeouts
    connection: ConnectionPolicy = "reuse"
    watched: bool = False


class Read(NamedTuple):
    """Body bytes that came out of one read of the socket, and when they arrived.

    `stamp_ns` is when the newest segment of the read arrived, so that whatever ends the read arrived then; what stands before it arrived
    between `floor_ns` and `stamp_ns`. `exact` is False where even the end of the read has only that bound: the stamp is the read's own time (`kernel`
    False), or the read did not empty the socket.
    """

    body: bytes
    stamp_ns: int
    floor_ns: int
    kernel: bool = True
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange went, but for the body's bytes, which came as reads.

    `failure` is what the wire saw (connection, TLS, timeouts, truncation); what the body says is for the reader of the
    frames to find. `streamed` says that the body came as reads; `error_body` holds that of an answer that is no stream,
    cut at 64 KiB. `mended` is None where no connection was left to ask. `completed_ns` is when the end of a message
    arrived that ended properly: by its length, its last chunk, or, where it has neither, with the connection. `location`
    is where a redirect leads. `coding` is how the body was compressed, though it was not to be. `kept` says that the
    connection waits for another chat.
    """

    number: int
    started_ns: int
    ended_ns: int
    milestones: Milestones = Milestones()
    sent_ns: int | None = None
    sent_width_ns: int = 0
    headers_ns: int | None = None
    status: int | None = None
    content_type: str = ""
    coding: str | None = None
    location: str = ""
    streamed: bool = False
    completed_ns: int | None = None
    connection: Literal["fresh", "reused"] | None = None
    retries: int = 0
    failure: Failure | None = None
    error_body: bytes = b""
    certificate_expiry: float | None = None
    mended: Mended | None = None
    kept: bool = False
    cancelled: bool = False
