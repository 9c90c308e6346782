"""Each reason for a failure, provoked over a real socket and seen exactly, once."""

from __future__ import annotations

import os
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import trustme

from probes.ask import Ask, Endpoint, Timeouts, Wrong
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import DONE, END, ERROR, ROLE, chunk, head, stream, token, whole
from tests.servers import Peer, Script, Server, closed_port, serving, then_close, then_hold

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what the record must say."""

    reason: Reason
    script: Script
    timeouts: Timeouts = SHORT
    detail: str = ""
    change_ask: Callable[[Ask], Ask] = lambda ask: ask


IN_THE_STREAM = [
    Fault(Reason.AUTH, then_hold(whole(401, b'{"error":"Unauthorized"}')), detail="Unauthorized"),
    Fault(
        Reason.MODEL_MISSING,
        then_hold(whole(404, b'{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}')),
        detail="The model `x` does not exist.",
    ),
    Fault(Reason.OVERLOADED, then_hold(whole(429, b"", "text/plain")), detail="HTTP 429, empty body"),
    Fault(
        Reason.UNAVAILABLE,
        then_hold(whole(503, b"<html><head><title>No pod is ready</title></head></html>", "text/html")),
        detail="No pod is ready",
    ),
    Fault(
        Reason.REJECTED,
        then_hold(whole(302, b"", "text/plain", "Location: http://127.0.0.1:1/elsewhere")),
        detail="HTTP 302, a redirect to http://127.0.0.1:1/elsewhere, which is never followed",
    ),
    Fault(Reason.SERVER_ERROR, then_hold(whole(500, b"Internal Server Error", "text/plain")), detail="Internal Server Error"),
    Fault(
        Reason.FIRST_TOKEN_TIMEOUT,
        then_hold(head(), chunk(ROLE)),
        replace(SHORT, first_token_seconds=0.2),
        "no token within 0.2 s",
    ),
    Fault(Reason.STALLED, then_hold(head(), chunk(token())), replace(SHORT, stall_seconds=0.2), "no further token within 0.2 s"),
    Fault(Reason.TIMEOUT, then_hold(head(), chunk(token())), replace(SHORT, total_seconds=0.2), "not finished within 0.2 s"),
    Fault(
        Reason.PROTOCOL,
        then_hold(whole(200, b"<html>Welcome</html>", "text/html")),
        detail="content type text/html where text/event-stream was asked for",
    ),
    Fault(Reason.ERROR_IN_STREAM, then_hold(stream(token(), ERROR)), detail="the engine fell over"),
    Fault(Reason.TRUNCATED, then_close(head(), chunk(token())), detail="the connection was closed before the end of the answer"),
    Fault(Reason.EMPTY, then_hold(stream(ROLE)), detail="the answer ended without a token"),
    Fault(
        Reason.VALIDATION,
        then_hold(stream(token("4"))),
        detail="sum: says nothing of 5",
        change_ask=lambda ask: replace(ask, check=lambda reply: None if "5" in reply.text else Wrong("sum", "says nothing of 5")),
    ),
]
BEFORE_THE_STREAM = {Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.MODEL_LOAD, Reason.INTERNAL}
"""That of a model that is not loaded is in `tests/e2e/test_loading.py`: no chat is sent."""


def assert_failed(record: ChatRecord, reason: Reason, detail: str) -> None:
    assert (record.outcome, record.reason) == ("failed", reason)
    assert record.failure is not None
    assert detail in record.failure.detail
    assert record.failure.at_ns == record.ended_ns
    assert sum(seconds or 0.0 for seconds in record.phases().values()) == pytest.approx(record.e2e_seconds, abs=1e-9)


def assert_asked_once(server: Server) -> None:
    assert len(server.requests) == 1
    assert server.connections == 1


async def test_every_reason_is_in_one_of_the_tables() -> None:
    assert {fault.reason for fault in IN_THE_STREAM} | BEFORE_THE_STREAM == set(Reason)


@pytest.mark.parametrize("fault", IN_THE_STREAM, ids=lambda fault: fault.reason)
async def test_over_plain_tcp(fault: Fault, prober: Prober, ask: Ask) -> None:
    with serving(fault.script) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        record = await prober.chat(endpoint, fault.change_ask(ask), scenario="faults", timeouts=fault.timeouts)
    assert_failed(record, fault.reason, fault.detail)
    assert_asked_once(server)


@pytest.mark.parametrize("fault", IN_THE_STREAM, ids=lambda fault: fault.reason)
async def test_over_tls(fault: Fault, prober: Prober, ask: Ask, secure: ssl.SSLContext, trusting: Callable[[Server], Endpoint]) -> None:
    with serving(fault.script, tls=secure) as server:
        record = await prober.chat(trusting(server), fault.change_ask(ask), scenario="faults", timeouts=fault.timeouts)
    assert_failed(record, fault.reason, fault.detail)
    assert_asked_once(server)
    assert record.phases()["tls"] is not None


async def test_a_name_that_does_not_exist(prober: Prober, ask: Ask) -> None:
    endpoint = Endpoint("engine", "vllm", "http://nobody.invalid:8000")
    record = await prober.chat(endpoint, ask, scenario="faults", timeouts=SHORT)
    assert_failed(record, Reason.DNS, "")
    assert record.sent_ns is None
    assert [phase for phase, seconds in record.phases().items() if seconds is not None] == ["resolve"]


async def test_nobody_listens(prober: Prober, ask: Ask) -> None:
    endpoint = Endpoint("engine", "vllm", f"http://127.0.0.1:{closed_port()}")
    record = await prober.chat(endpoint, ask, scenario="faults", timeouts=SHORT)
    assert_failed(record, Reason.CONNECT, "Connection refused")
    assert [phase for phase, seconds in record.phases().items() if seconds is not None] == ["resolve", "connect"]


async def test_a_certificate_of_an_unknown_authority(prober: Prober, ask: Ask) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(then_hold(stream(token())), tls=context) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="faults", timeouts=SHORT)
    assert_failed(record, Reason.TLS, "certificate verify failed")
    assert server.requests == []
    assert [phase for phase, seconds in record.phases().items() if seconds is not None] == ["resolve", "connect", "tls"]


async def test_the_measuring_worker_dies(prober: Prober, ask: Ask) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token()))
        if not asked.is_set():
            asked.set()
            assert prober.workers[0].pid is not None
            os.kill(prober.workers[0].pid, signal.SIGKILL)
            peer.await_client_gone()
        else:
            peer.send(chunk(DONE) + END)

    with serving(script) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        lost = await prober.chat(endpoint, ask, scenario="faults", timeouts=SHORT)
        following = await prober.chat(endpoint, ask, scenario="faults", timeouts=SHORT)
    assert_failed(lost, Reason.INTERNAL, "the measuring worker died")
    assert following.outcome == "ok"
    assert len(server.requests) == 2


async def test_several_addresses_that_refuse_are_one_failure(prober: Prober, ask: Ask) -> None:
    endpoint = Endpoint("engine", "vllm", f"http://localhost:{closed_port()}")
    record = await prober.chat(endpoint, ask, scenario="faults", timeouts=SHORT)
    assert_failed(record, Reason.CONNECT, "refused")
