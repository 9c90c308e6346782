"""Opening a connection: addresses, deadlines, TLS, tunnels; each failure with its reason, in its phase."""

from __future__ import annotations

import datetime
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import trustme

from probes.ask import Tls
from probes.failure import Failure, Reason
from probes.guard import Guard
from probes.record import Milestones
from probes.wire.clock import HeldOffset
from probes.wire.connection import Connection
from probes.wire.loop import Loop
from probes.wire.opening import Opening, Threads
from probes.wire.order import Address, Proxy
from probes.wire.tls import context
from tests.servers import Peer, Server, closed_port, deaf_listener, serving


@dataclass
class Opened:
    """What became of an opening."""

    found: Connection | Failure
    milestones: Milestones
    seconds: float

    @property
    def reason(self) -> Reason | None:
        return self.found.reason if isinstance(self.found, Failure) else None

    @property
    def detail(self) -> str:
        return self.found.detail if isinstance(self.found, Failure) else ""


def opened(address: Address, timeout_seconds: float = 5.0) -> Opened:
    """Run one opening on a loop of its own, to its end; a connection is closed again."""
    loop = Loop()
    results: list[Connection | Failure] = []

    def done(found: Connection | Failure) -> None:
        results.append(found)
        loop.stop()

    tls = None if address.tls is None else context(address.tls)
    began = time.monotonic()
    opening = Opening(loop, Threads(), HeldOffset(), address, tls, timeout_seconds, done)
    opening.start()
    if not results:
        loop.run()
    if isinstance(results[0], Connection):
        results[0].close()
    assert len(results) == 1
    return Opened(results[0], opening.milestones, time.monotonic() - began)


def await_client_gone(peer: Peer) -> None:
    peer.await_client_gone()


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the name `engine.test` resolve to the given addresses, in their order."""

    def to(*found: tuple[int, tuple[object, ...]]) -> None:
        real = socket.getaddrinfo

        def getaddrinfo(host: str, port: int, *, type: int = 0, flags: int = 0) -> object:
            if host != "engine.test" or flags & socket.AI_NUMERICHOST:
                return real(host, port, type=type, flags=flags)
            return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return to


def test_phases_end_in_their_order() -> None:
    before = time.monotonic_ns()
    with serving(await_client_gone) as server:
        found = opened(Address("127.0.0.1", server.port))
    done = found.milestones
    assert isinstance(found.found, Connection)
    assert done.resolved_ns is not None
    assert done.connected_ns is not None
    assert before <= done.resolved_ns <= done.connected_ns
    assert done.secured_ns is None


def test_ipv6() -> None:
    with serving(await_client_gone, host="::1") as server:
        assert opened(Address("::1", server.port)).reason is None


def test_refused() -> None:
    port = closed_port()
    found = opened(Address("127.0.0.1", port))
    assert (found.reason, found.detail) == (Reason.CONNECT, f"127.0.0.1 port {port}: Connection refused")
    assert found.milestones.resolved_ns is not None
    assert found.milestones.connected_ns is None


def test_a_connection_that_hangs() -> None:
    with deaf_listener() as (host, port):
        found = opened(Address(host, port), 0.2)
    assert found.reason is Reason.CONNECT
    assert 0.15 < found.seconds < 1


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 64 + ".example.org"], ids=["unknown", "empty label", "long label"])
def test_a_name_that_cannot_be_resolved(host: str) -> None:
    found = opened(Address(host, 80), 3)
    assert found.reason is Reason.DNS
    assert found.milestones == Milestones()


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *, type: int = 0, flags: int = 0) -> object:
        if not flags:
            free.wait(10)
        return real(host, port, type=type, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = opened(Address("localhost", 80), 0.2)
    free.set()
    assert found.reason is Reason.DNS
    assert 0.15 < found.seconds < 1


def test_the_next_address_where_the_first_refuses(resolves: Callable[..., None]) -> None:
    with serving(await_client_gone, host="::1") as server:
        resolves((socket.AF_INET, ("127.0.0.1", closed_port())), (socket.AF_INET6, ("::1", server.port, 0, 0)))
        assert opened(Address("engine.test", server.port)).reason is None


def test_the_next_address_where_the_first_hangs(resolves: Callable[..., None]) -> None:
    with deaf_listener() as deaf, serving(await_client_gone) as server:
        resolves((socket.AF_INET, deaf), (socket.AF_INET, ("127.0.0.1", server.port)))
        found = opened(Address("engine.test", server.port), 0.6)
    assert found.reason is None
    assert 0.25 < found.seconds < 0.6


def test_the_next_address_where_the_first_is_of_an_unknown_family(resolves: Callable[..., None]) -> None:
    with serving(await_client_gone) as server:
        resolves((socket.AF_APPLETALK, ("127.0.0.1", 1)), (socket.AF_INET, ("127.0.0.1", server.port)))
        assert opened(Address("engine.test", server.port)).reason is None


def test_all_addresses_are_named_where_none_answers(resolves: Callable[..., None]) -> None:
    port = closed_port()
    resolves((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0)))
    found = opened(Address("engine.test", port))
    assert found.detail == f"127.0.0.1 port {port}: Connection refused; ::1 port {port}: Connection refused"


def test_a_cancelled_opening_says_nothing() -> None:
    loop = Loop()
    results: list[object] = []
    with deaf_listener() as (host, port):
        opening = Opening(loop, Threads(), HeldOffset(), Address(host, port), None, 0.1, results.append)
        opening.start()
        opening.cancel()
        loop.at(loop.now_ns() + 200_000_000, loop.stop)
        loop.run()
    assert results == []


# TLS


def test_a_certificate_of_a_given_authority(secure: ssl.SSLContext, ca_file: str) -> None:
    with serving(await_client_gone, tls=secure) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)))
    assert isinstance(found.found, Connection)
    assert found.found.certificate_expiry is not None
    assert found.found.certificate_expiry > time.time()
    assert found.milestones.secured_ns is not None


def test_a_certificate_of_an_unknown_authority(secure: ssl.SSLContext) -> None:
    with serving(await_client_gone, tls=secure) as server:
        found = opened(Address("127.0.0.1", server.port, Tls()))
    assert found.reason is Reason.TLS
    assert found.detail.startswith("certificate verify failed: ")
    assert found.milestones.connected_ns is not None


def test_an_insecure_target_is_believed(secure: ssl.SSLContext) -> None:
    with serving(await_client_gone, tls=secure) as server:
        assert opened(Address("127.0.0.1", server.port, Tls(insecure=True))).reason is None


def settings(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(made)
    return made


def test_a_certificate_of_another_name(authority: trustme.CA, ca_file: str) -> None:
    with serving(await_client_gone, tls=settings(authority.issue_cert("other.test"))) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)))
    assert found.reason is Reason.TLS
    assert "127.0.0.1" in found.detail


def test_the_server_name_is_asked_for_and_checked(authority: trustme.CA, ca_file: str) -> None:
    asked: list[str | None] = []
    made = settings(authority.issue_cert("other.test"))
    made.sni_callback = lambda _sock, name, _context: asked.append(name)
    with serving(await_client_gone, tls=made) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file, server_name="other.test")))
    assert found.reason is None
    assert asked == ["other.test"]


@pytest.mark.parametrize("name", [".example.org", "x" * 64 + ".example.org"], ids=["leading dot", "long label"])
def test_a_server_name_that_is_none(name: str, secure: ssl.SSLContext, ca_file: str) -> None:
    with serving(await_client_gone, tls=secure) as server:
        assert opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file, server_name=name))).reason is Reason.TLS


def test_an_expired_certificate(authority: trustme.CA, ca_file: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    expired = authority.issue_cert("127.0.0.1", not_before=now - datetime.timedelta(days=2), not_after=now - datetime.timedelta(days=1))
    with serving(await_client_gone, tls=settings(expired)) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)))
    assert (found.reason, found.detail) == (Reason.TLS, "certificate verify failed: certificate has expired")


@pytest.fixture
def asking(authority: trustme.CA) -> ssl.SSLContext:
    """A server that wants to see a client's certificate. TLS 1.2, where the handshake itself fails without one."""
    made = settings(authority.issue_cert("127.0.0.1"))
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_REQUIRED
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def test_a_client_certificate(asking: ssl.SSLContext, authority: trustme.CA, ca_file: str) -> None:
    ours = authority.issue_cert("probe.test")
    with ours.private_key_and_cert_chain_pem.tempfile() as pem, serving(await_client_gone, tls=asking) as server:
        assert opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file, cert_file=pem))).reason is None


def test_a_client_certificate_that_is_missing(asking: ssl.SSLContext, ca_file: str) -> None:
    with serving(await_client_gone, tls=asking) as server:
        assert opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file))).reason is Reason.TLS


def test_plain_http_on_the_port(ca_file: str) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with serving(script) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)))
    assert found.reason is Reason.TLS


def test_a_server_that_closes_in_the_handshake(ca_file: str) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(65_536)

    with serving(script) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)))
    assert (found.reason, found.detail) == (Reason.TLS, "the server closed the connection during the handshake")


def test_a_server_that_resets_in_the_handshake(ca_file: str) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.reset()

    with serving(script) as server:
        assert opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file))).reason is Reason.TLS


def test_a_handshake_that_hangs(ca_file: str) -> None:
    with serving(await_client_gone) as server:
        found = opened(Address("127.0.0.1", server.port, Tls(ca_file=ca_file)), 0.2)
    assert found.reason is Reason.TLS
    assert 0.15 < found.seconds < 1


# a proxy


def tunnel(answer: bytes, target: Server | None = None) -> Callable[[Peer], None]:
    """A proxy that answers CONNECT with `answer` and then passes bytes on to the target."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        if target is None:
            peer.await_client_gone()
            return
        with socket.create_connection((target.host, target.port)) as onward:
            while True:
                for end in select.select([peer.sock, onward], [], [], 10)[0]:
                    data = end.recv(65_536)
                    if not data:
                        return
                    (onward if end is peer.sock else peer.sock).sendall(data)

    return script


def test_a_tunnel(secure: ssl.SSLContext, ca_file: str) -> None:
    with serving(await_client_gone, tls=secure) as engine, serving(tunnel(b"HTTP/1.1 200 Connection established\r\n\r\n", engine)) as proxy:
        way = Proxy("127.0.0.1", proxy.port, "Basic dXNlcjpwYXNz")
        found = opened(Address("127.0.0.1", engine.port, Tls(ca_file=ca_file), way))
    assert found.reason is None
    target = f"127.0.0.1:{engine.port}"
    assert proxy.requests == [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n".encode()]


def test_a_tunnel_to_an_ipv6_address(ca_file: str) -> None:
    with serving(tunnel(b"HTTP/1.1 403 Forbidden\r\n\r\n")) as proxy:
        found = opened(Address("::1", 443, Tls(ca_file=ca_file), Proxy("127.0.0.1", proxy.port)))
    assert found.reason is Reason.CONNECT
    assert proxy.requests == [b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Reason.AUTH, "answered 407 to CONNECT engine.test:443"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Reason.CONNECT, "answered 502 to CONNECT engine.test:443"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Reason.CONNECT, "answered ? to CONNECT engine.test:443"),
        (b"HTTP/1.1 two hundred\r\n\r\n", Reason.CONNECT, "answered two to CONNECT"),
        (b"\r\n\r\n", Reason.CONNECT, "answered ? to CONNECT"),
        (b"x" * 20_000, Reason.CONNECT, "sent more than 16384 bytes for an answer"),
    ],
    ids=["407", "502", "garbage", "no number", "nothing", "endless"],
)
def test_a_proxy_that_opens_no_tunnel(answer: bytes, reason: Reason, detail: str, ca_file: str) -> None:
    with serving(tunnel(answer)) as proxy:
        found = opened(Address("engine.test", 443, Tls(ca_file=ca_file), Proxy("127.0.0.1", proxy.port)))
    assert found.reason is reason
    assert detail in found.detail


def test_a_proxy_that_closes(ca_file: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()

    with serving(script) as proxy:
        found = opened(Address("engine.test", 443, Tls(ca_file=ca_file), Proxy("127.0.0.1", proxy.port)))
    assert (found.reason, found.detail) == (Reason.CONNECT, f"proxy 127.0.0.1:{proxy.port} closed the connection")


def test_a_proxy_that_hangs(ca_file: str) -> None:
    with serving(await_client_gone) as proxy:
        found = opened(Address("engine.test", 443, Tls(ca_file=ca_file), Proxy("127.0.0.1", proxy.port)), 0.2)
    assert found.reason is Reason.CONNECT
    assert 0.15 < found.seconds < 1


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xA9FEA9FE", "::ffff:169.254.169.254", "fe80::1", "127.0.0.1", "0", "fd00:ec2::254"]
)
def test_a_guard_keeps_it_from_addresses_in_whatever_form_they_are_written(host: str) -> None:
    found = opened(Address(host, 80, guard=Guard()), 1)
    assert found.reason is Reason.CONNECT
    assert found.detail.endswith(", to which no discovered target may lead")
    assert found.milestones.resolved_ns is not None
    assert found.seconds < 0.5, "nothing was sent"


def test_a_guard_looks_at_what_a_name_resolves_to(resolves: Callable[..., None]) -> None:
    resolves((socket.AF_INET, ("169.254.169.254", 80)))
    found = opened(Address("engine.test", 80, guard=Guard()))
    text = "169.254.169.254 is a link-local address, to which no discovered target may lead"
    assert (found.reason, found.detail) == (Reason.CONNECT, text)


def test_of_a_name_with_several_addresses_those_are_left_out_that_the_guard_refuses(resolves: Callable[..., None]) -> None:
    with serving(await_client_gone) as server:
        resolves((socket.AF_INET, ("169.254.169.254", server.port)), (socket.AF_INET, ("127.0.0.1", server.port)))
        assert opened(Address("engine.test", server.port, guard=Guard(loopback=True))).reason is None


def test_what_the_guard_refuses_is_not_tried_before_or_after_an_address_that_it_does_not(resolves: Callable[..., None]) -> None:
    """Under 0.0.0.0 this machine's own servers would answer."""
    port = closed_port()
    with serving(await_client_gone) as server:
        refused = (socket.AF_INET, ("0.0.0.0", server.port))
        resolves(refused, (socket.AF_INET, ("127.0.0.1", port)), refused)
        found = opened(Address("engine.test", 80, guard=Guard(loopback=True)))
    assert (found.reason, found.detail, server.connections) == (Reason.CONNECT, f"127.0.0.1 port {port}: Connection refused", 0)


def test_names_that_others_have_written_hold_up_no_other_name_however_many_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def getaddrinfo(host: str, port: int, *, type: int = 0, flags: int = 0) -> object:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == "slow.test":
            end.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    loop, threads, results = Loop(), Threads(), list[Connection | Failure]()

    def done(found: Connection | Failure) -> None:
        results.append(found)
        loop.stop()

    with serving(await_client_gone) as server:
        guarded = Address("slow.test", server.port, guard=Guard(loopback=True))
        hanging = [Opening(loop, threads, HeldOffset(), guarded, None, 20, lambda _found: None) for _ in range(100)]
        for one in (*hanging, Opening(loop, threads, HeldOffset(), Address("engine.test", server.port), None, 5, done)):
            one.start()
        loop.run()
        for one in hanging:
            one.cancel()
        end.set()
        (found,) = results
        assert isinstance(found, Connection)
        found.close()


def test_under_a_guard_no_name_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, port: int, *, type: int = 0, flags: int = 0) -> object:
        if flags & socket.AI_NUMERICHOST or host.endswith("."):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, f"{host}.svc.cluster.local", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with serving(await_client_gone) as server:
        assert opened(Address("pod.engine.other", server.port)).reason is None
        found = opened(Address("pod.engine.other", server.port, guard=Guard(loopback=True)))
    assert found.reason is Reason.DNS
    assert found.detail.startswith("pod.engine.other: no name as it stands; only this machine's search domains make it one, ")
